"""HTTP connections of a boto3 client that the request they serve can end."""

from __future__ import annotations

from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool

from agent_runtime.model.cancellation import CURRENT, Cancellation


class _PlainConnection(AWSHTTPConnection):
    def request(self, *arguments: Any, **options: Any) -> Any:
        _watch(self)
        return super().request(*arguments, **options)


class _TlsConnection(AWSHTTPSConnection):
    def request(self, *arguments: Any, **options: Any) -> Any:
        _watch(self)
        return super().request(*arguments, **options)


class _PlainPool(AWSHTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _watch(connection: Any) -> None:
    """Tie the connection to the request on whose behalf this thread runs, and to no other."""
    previous: Cancellation | None = getattr(connection, "served", None)
    if previous is not None and connection.sock is not None and not previous.forget(connection.sock):
        connection.close()
    current = connection.served = CURRENT.get()
    if current is None:
        return
    if connection.sock is None:
        connection.connect()
    current.watch(connection.sock)


def make_interruptible(client: Any) -> None:
    """Let a boto3 client's connections be ended by `Cancellation.cancel`.

    botocore offers no public way to choose the connection class, so its HTTP session is told directly.
    """
    session = client._endpoint.http_session
    pools = {"http": _PlainPool, "https": _TlsPool}
    session._pool_classes_by_scheme = pools
    session._manager.pool_classes_by_scheme = pools
