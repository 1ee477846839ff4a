"""Reports in, text out. Nothing here reads a socket, a clock or a file."""
