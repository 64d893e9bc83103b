"""Social networks: who is central, who belongs together, and who spreads what."""
