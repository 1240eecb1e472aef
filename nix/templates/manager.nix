# The box of the manager: it reads what is deployed and edits what is proposed, below /applied, /meta and /agents.
{ config, pkgs, ... }:
{
  imports = [ ./harness-base.nix ];

  # The repositories that it edits are bound into its box and belong there to another user than root.
  programs.git = {
    enable = true;
    config = {
      init.defaultBranch = "main";
      safe.directory = "*";
      user.name = config.hyperhive.name;
      user.email = "${config.hyperhive.name}@localhost";
    };
  };

  environment.systemPackages = [
    pkgs.diffutils
    pkgs.jq
  ];
}
