"""Everything that touches sockets, disk, a clock or a download."""
