{
  description = "An agent of a hyperhive";

  # Only the internet: github:, gitlab:, sourcehut:, git+https:, https: to an archive. Commit flake.lock too.
  inputs = { };

  # A module and nothing else: meta adds nixpkgs and the box. All inputs reach agent.nix as flakeInputs.
  outputs = inputs: {
    nixosModules.default = {
      imports = [ ./agent.nix ];
      _module.args.flakeInputs = builtins.removeAttrs inputs [ "self" ];
    };
  };
}
