"""Does for a test what systemd does with a socket unit: holds a listening socket, and starts a command on it, again
whenever it has ended. Prints the socket's port, then the number of each process that it starts. Ends when its
standard input does."""

import os
import select
import signal
import socket
import sys

name, *command = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
print(listener.getsockname()[1], flush=True)


def start():
    child = os.fork()
    if child == 0:
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=name)
        os.execv(command[0], command)
    print(child, flush=True)
    return child


child = start()
try:
    while True:
        ended, _ = os.waitpid(child, os.WNOHANG)
        if ended:
            child = start()
        readable, _, _ = select.select([sys.stdin], [], [], 0.02)
        if readable and not sys.stdin.readline():
            break
finally:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
