# What this agent has beside its box: packages, services, files. Plain settings (model, recipients, MCP servers, hosts
# to reach) stand in agent.json, because the hive reads them too.
{ lib, ... }:
{
  hyperhive.settings = lib.importJSON ./agent.json;

  environment.systemPackages = [ ];
}
