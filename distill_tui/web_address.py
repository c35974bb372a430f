"""Where the pages of `watch --web` are: known without loading the server."""

LOOPBACK = "127.0.0.1"
USUAL_PORT = 8437
