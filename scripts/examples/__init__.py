"""Resources of others put to two servers: what each stores, refuses and finds."""
