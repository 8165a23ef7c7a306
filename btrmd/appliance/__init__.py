"""The appliance: what needs root (network, host name, update) in a helper process of its own.

`helper_socket`, `helper`, `network`, `nmcli`, `staging` and `installer/` run as root, outside
the daemon;
`client` and `slot` are the daemon's side of the same small language. Nothing here knows the board.
"""
