# What every box has, an agent's and the manager's: claude, the hive's side of the three sockets, the agent's settings.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.hyperhive;
  json = pkgs.formats.json { };
  proxy = "http://127.0.0.1:3128";
in
{
  options.hyperhive = {
    name = lib.mkOption {
      type = lib.types.strMatching "[a-z][a-z0-9-]{0,8}";
      description = "The agent's name; meta sets it.";
    };

    package = lib.mkOption {
      type = lib.types.package;
      description = "The hyperhive whose programs run in the box; meta sets it, so that box and host agree.";
    };

    claude = lib.mkOption {
      type = lib.types.path;
      example = lib.literalExpression "lib.getExe pkgs.claude-code";
      description = "The claude executable that runs the agent's turns.";
    };

    settings = lib.mkOption {
      type = json.type;
      default = { };
      example = lib.literalExpression "lib.importJSON ./agent.json";
      description = "The agent's plain settings, as {file}`/etc/hyperhive/agent.json` has them.";
    };

    extraMcpServers = lib.mkOption {
      default = { };
      description = "More MCP servers for claude; they join those of {option}`hyperhive.settings`.";
      type = lib.types.attrsOf (
        lib.types.submodule {
          options = {
            command = lib.mkOption {
              type = lib.types.str;
              description = "The server's program.";
            };

            args = lib.mkOption {
              type = lib.types.listOf lib.types.str;
              default = [ ];
              description = "Its arguments.";
            };

            env = lib.mkOption {
              type = lib.types.attrsOf lib.types.str;
              default = { };
              description = "Its environment; the store is readable by all, so no secrets.";
            };

            allowedTools = lib.mkOption {
              type = lib.types.listOf lib.types.str;
              default = [ "*" ];
              description = "Patterns of its tools that may be used without asking.";
            };
          };
        }
      );
    };
  };

  config = {
    assertions = [
      {
        assertion = !(cfg.settings.extra_mcp_servers or { } ? hyperhive);
        message = "hyperhive.extraMcpServers.hyperhive: the name is the hive's own";
      }
    ];

    hyperhive.settings.extra_mcp_servers = lib.mkIf (cfg.extraMcpServers != { }) cfg.extraMcpServers;

    environment.etc."hyperhive/agent.json".source = json.generate "agent.json" cfg.settings;
    environment.systemPackages = [ pkgs.git ];

    # Where hive-exec looks for them in every kind of box.
    systemd.tmpfiles.settings."10-hyperhive" = {
      "/opt/hive/hive-claude"."L+".argument = "${cfg.package}/bin/hive-claude";
      "/opt/hive/hive-mcp-pump"."L+".argument = "${cfg.package}/bin/hive-mcp-pump";
      "/opt/hive/hive-wake"."L+".argument = "${cfg.package}/bin/hive-wake";
      "/opt/claude/claude"."L+".argument = "${cfg.claude}";
    };

    # The host knocks here for each turn; the directory is bound from the host and lives as long as the agent.
    systemd.sockets.hive-exec = {
      description = "Where the host asks for a turn";
      wantedBy = [ "sockets.target" ];
      socketConfig = {
        ListenStream = "/run/hive/exec/exec.sock";
        SocketMode = "0600";
        RemoveOnStop = true;
        TriggerLimitIntervalSec = 0;
      };
    };

    systemd.services.hive-exec = {
      description = "One turn of the agent";
      # All packages of agent.nix are there for claude's shell.
      path = [ "/run/current-system/sw" ];
      environment = {
        HOME = "/root";
        HTTP_PROXY = proxy;
        HTTPS_PROXY = proxy;
        http_proxy = proxy;
        https_proxy = proxy;
      };
      unitConfig.StartLimitIntervalSec = 0;
      serviceConfig = {
        Type = "exec";
        ExecStart = "${lib.getExe pkgs.python3} -IS ${cfg.package}/bin/hive-exec";
        # The listening socket itself, as in a box of bubblewrap.
        StandardInput = "socket";
        StandardOutput = "null";
        StandardError = "journal";
        WorkingDirectory = "/state";
        Restart = "on-failure";
        RestartSec = "1s";
        TimeoutStopSec = 5;
        # The default, stop, would end the turn when one of the agent's own programs ran out of memory.
        OOMPolicy = "continue";
      };
    };

    # Its only interface is lo, and its only ways out are the three sockets.
    networking.useDHCP = false;
    networking.firewall.enable = false;
    documentation.enable = false;
  };
}
