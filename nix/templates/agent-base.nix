# The box of an ordinary agent. Its own module, nixosModules.default of its flake, comes beside this one.
{
  imports = [ ./harness-base.nix ];
}
