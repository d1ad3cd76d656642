"""Egress: the only way out. Each request leaves once, from its planned address, in exactly the signed bytes."""

from proxy.egress.body import BodyStream
from proxy.egress.client import Egress
from proxy.egress.resolver import Resolver
from proxy.egress.settings import EgressSettings

__all__ = ["BodyStream", "Egress", "EgressSettings", "Resolver"]
