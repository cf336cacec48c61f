"""Where a call comes from, for what is counted by network. Trusted for waits only, never for who somebody is."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def network_of(request: HttpRequest) -> str:
    """The caller's IPv4 address, or the /64 of their IPv6 address; "" where there is none.

    X-Forwarded-For counts only as far as ERSR_PROXIES proxies of ours wrote it, from its right end: what stands to the left
    of that, anybody can have written.
    """
    seen = [request.META.get("REMOTE_ADDR", "")]
    if settings.ERSR_PROXIES:
        told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        seen = told[-settings.ERSR_PROXIES :] or seen
    try:
        address = ipaddress.ip_address(seen[0])
    except ValueError:  # a Unix socket, or a proxy that is set up wrongly: all of it is one network
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
