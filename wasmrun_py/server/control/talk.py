"""Talk to a running server: how it stands, and to end it. Its token goes to this machine and nowhere else."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from wasmrun_py.server.control.state_file import forget
from wasmrun_py.system.other_process import end_process, is_wasmrun_of_ours, wait_for_end

if TYPE_CHECKING:
    import httpx

    from wasmrun_py.server.control.state_file import ServerRecord
    from wasmrun_py.system.paths import Home

NO_ANSWER = "no answer"
"""What ``find_status`` says of a server that does not."""

_TIMEOUT_S = 3.0
# It lets its pages go for a second, and ends a build.
_END_TIMEOUT_S = 8.0
_ACCEPTED = 202
_OK = 200
_STATUSES = frozenset({"building", "ok", "failed"})


def find_status(record: ServerRecord) -> str:
    """``building``, ``ok`` or ``failed``; ``no answer`` when it gives none that makes sense."""
    response = _ask(record, "GET", "/_wasmrun/state")
    if response is None or response.status_code != _OK:
        return NO_ANSWER
    try:
        document = response.json()
    except ValueError:
        return NO_ANSWER
    status = document.get("status") if isinstance(document, dict) else None
    return status if isinstance(status, str) and status in _STATUSES else NO_ANSWER


def stop_server(record: ServerRecord, home: Home) -> bool:
    """End a server: by asking it, and by force only when it does not listen. False when it still runs."""
    response = _ask(record, "POST", "/_wasmrun/stop")
    asked = response is not None and response.status_code == _ACCEPTED
    ended = asked and wait_for_end(record.process, _END_TIMEOUT_S)
    if not ended and is_wasmrun_of_ours(record.process):
        ended = end_process(record.process)
    if ended or not is_wasmrun_of_ours(record.process):
        forget(record, home)
        return True
    return False


def find_own_address(host: str) -> str | None:
    """An address of this machine at which a server told to listen at ``host`` is; None when it is not one."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - IPv4
    if address.is_loopback or str(address) in _machine_addresses():
        return str(address)
    return None


def _machine_addresses() -> set[str]:
    import psutil  # noqa: PLC0415 - few servers are open to the network

    every = (each.address.partition("%")[0] for some in psutil.net_if_addrs().values() for each in some)
    return set(every)


def _ask(record: ServerRecord, method: str, path: str) -> httpx.Response | None:
    import httpx  # noqa: PLC0415 - 60 ms, and only with a server to ask

    address = find_own_address(record.host)
    if address is None:
        return None
    name = f"[{address}]" if ":" in address else address
    origin = f"{record.scheme}://{name}:{record.port}"
    try:
        # Not through anybody's proxy, and nowhere else when somebody says so. A certificate proves nothing
        # about this machine to itself.
        with httpx.Client(timeout=_TIMEOUT_S, trust_env=False, verify=False) as client:  # noqa: S501
            headers = {"X-Wasmrun-Token": record.token, "Origin": origin}
            return client.request(method, f"{origin}{path}", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return None
