"""Take a port: sockets of our own, so that the number is known early, and nobody races for it."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import UsageError
from wasmrun_py.server.http.options import DEFAULT_PORT, LOCALHOST
from wasmrun_py.system.other_process import describe_listener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmrun_py.server.http.options import ServeOptions

_LARGEST_PORT = 65535
_PORTS_TRIED = 200
_ANY_PORT_TRIES = 10
_LEAST_FREE_PORT = 1024
_LOOPBACK_ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))

Address = tuple[socket.AddressFamily, str]


def listen(options: ServeOptions) -> list[socket.socket]:
    """Bound sockets, one for each address of the host, all with the same port.

    Raises:
        UsageError: The host is not this machine's, or the port is taken or forbidden.
    """
    addresses = _find_addresses(options.host)
    if options.port is not None:
        try:
            return _bind_some(addresses, options.port)
        except OSError as error:
            raise _explain(error, options.host, options.port) from error
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
        try:
            return _bind(addresses, port)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise _explain(error, options.host, port) from error
    raise UsageError(
        f"All ports from {DEFAULT_PORT} to {DEFAULT_PORT + _PORTS_TRIED - 1} are taken",
        hint="Stop one of the servers (wasmrun status lists ours), or use --port 0 for any free port.",
    )


def _bind_some(addresses: Sequence[Address], port: int) -> list[socket.socket]:
    """As ``_bind``; for any free port again, when it is free at one address only."""
    for _ in range(_ANY_PORT_TRIES - 1 if port == 0 else 0):
        try:
            return _bind(addresses, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return _bind(addresses, port)


def _bind(addresses: Sequence[Address], port: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for family, address in addresses:
            try:
                bound.append(_bind_one(family, address, port))
            except OSError as error:
                # A machine may have IPv6 in its kernel and none on its loopback interface.
                if not bound or error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    raise
            port = bound[0].getsockname()[1]
    except BaseException:
        for each in bound:
            each.close()
        raise
    return bound


def _bind_one(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Connections of a server that ended a moment ago do not hold the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(1024)
        listener.settimeout(0)  # for an event loop
    except BaseException:
        listener.close()
        raise
    return listener


def _find_addresses(host: str) -> list[Address]:
    if host == LOCALHOST:
        return list(_LOOPBACK_ADDRESSES if socket.has_ipv6 else _LOOPBACK_ADDRESSES[:1])
    name = host.removeprefix("[").removesuffix("]")
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f'There is no host "{host}"', hint="--host takes a name or an address of this machine."
        ) from error
    return [(family, str(address[0])) for family, _, _, _, address in found[:1]]


def _explain(error: OSError, host: str, port: int) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(
            f"Port {port} is taken{describe_listener(port)}",
            hint="Leave --port out to take the next free port, or end that program.",
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        low = port < _LEAST_FREE_PORT
        why = f"ports below {_LEAST_FREE_PORT} are the system's" if low else "the system forbids it"
        return UsageError(f"Port {port} cannot be taken: {why}", hint="Use a port such as --port 8420.")
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(
            f'"{host}" is not an address of this machine',
            hint="Use --host 127.0.0.1 for this machine only, or --host 0.0.0.0 for the network.",
        )
    return UsageError(f"Port {port} of {host} cannot be taken: {os.strerror(error.errno or 0)}")
