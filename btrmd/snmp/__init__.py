"""What the SNMP agent and the trap sender share: BER, the engine, the security of version 3."""
