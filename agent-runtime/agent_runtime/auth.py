"""Who asks: bearer tokens of an OpenID issuer such as Amazon Cognito, or a header that a trusted caller sets."""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import jwt

from agent_runtime.problems import Problem
from agent_runtime.settings import Settings
from agent_runtime.telemetry.logs import logger

ALGORITHMS = ("RS256", "ES256")
# No header and no token can name this user: a name has at least one character.
ANONYMOUS = ""
USER_ID = re.compile(r"[\x21-\x7e]{1,256}")
KEYS_TTL = 3600.0
# A token with an unknown key id makes us ask for the keys again; without a pause anyone could make us ask all the time.
KEYS_PAUSE = 30.0
KEYS_TIMEOUT = 5.0
MAX_KEYS_BYTES = 1_000_000

_log = logger("auth")


class Authenticator(Protocol):
    """Names the user behind a request. Raises Problem: 401 for a bad token, 503 if it cannot be checked."""

    async def user(self, headers: Mapping[str, str]) -> str: ...


class KeysUnavailableError(Exception):
    """The issuer's keys cannot be had."""


class SigningKeys:
    """The issuer's public keys, kept for an hour; old ones serve on when the issuer cannot be reached."""

    def __init__(self, url: str, fetch: Callable[[str], bytes] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._fetch = fetch or _download
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at: float | None = None
        self._fetched_at: float | None = None
        self._lock = asyncio.Lock()
        # Its own thread: the threads of the default pool are counted for answers.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="signing-keys")

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """The key, or None if the issuer has none of that id. Raises KeysUnavailableError."""
        if not self._fresh() or key_id not in self._keys:
            async with self._lock:
                if (not self._fresh() or key_id not in self._keys) and self._may_ask():
                    await self._refresh()
        if not self._keys:
            raise KeysUnavailableError
        return self._keys.get(key_id)

    def _fresh(self) -> bool:
        return self._fetched_at is not None and self._clock() < self._fetched_at + KEYS_TTL

    def _may_ask(self) -> bool:
        return self._asked_at is None or self._clock() >= self._asked_at + KEYS_PAUSE

    async def _refresh(self) -> None:
        self._asked_at = self._clock()
        try:
            document = await asyncio.get_running_loop().run_in_executor(self._executor, self._fetch, self._url)
            keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(json.loads(document)).keys if key.key_id}
        except Exception as error:
            _log.warning("signing keys could not be fetched", exc_info=error)
            return
        self._keys = keys
        self._fetched_at = self._clock()


def _download(url: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise ValueError("the address of the signing keys must be https or http")
    with urllib.request.urlopen(url, timeout=KEYS_TIMEOUT) as response:
        return bytes(response.read(MAX_KEYS_BYTES))


class TokenAuthenticator:
    """Checks a token's signature, times, issuer, kind and client."""

    def __init__(self, settings: Settings, keys: SigningKeys) -> None:
        self._settings = settings
        self._keys = keys

    async def user(self, headers: Mapping[str, str]) -> str:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("token-missing", "The request needs a bearer token.")
        claims = await self._claims(token.strip())
        self._check_kind(claims)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not USER_ID.fullmatch(subject):
            raise _unauthorized("token-refused", "The token names no subject.")
        return subject

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._keys.get(str(header.get("kid", "")))
            if key is None or header.get("alg") not in ALGORITHMS:
                raise _unauthorized("token-refused", "The token is not signed with a key of the issuer.")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[str(header["alg"])],
                issuer=self._settings.auth_issuer,
                leeway=self._settings.auth_leeway,
                # The audience is checked below: Cognito's access tokens carry client_id in its place.
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
            return claims
        except KeysUnavailableError:
            raise Problem(503, "signing-keys-unavailable", "The token cannot be checked now.", retry_after=5) from None
        except jwt.ExpiredSignatureError:
            raise _unauthorized("token-expired", "The token has expired.") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            # The cause is left out: its text may quote the token.
            raise _unauthorized("token-refused", "The token is not valid.") from None

    def _check_kind(self, claims: Mapping[str, Any]) -> None:
        use = claims.get("token_use")
        if use is not None and use != self._settings.auth_token_use:
            raise _unauthorized("token-refused", f"The token is not of the kind that is needed: {self._settings.auth_token_use}.")
        audience = claims.get("aud", [])
        named = {claims.get("client_id"), *([audience] if isinstance(audience, str) else audience)}
        if not named & set(self._settings.auth_clients):
            raise _unauthorized("token-refused", "The token was made for another client.")
        if self._settings.auth_scope and self._settings.auth_scope not in str(claims.get("scope", "")).split():
            raise _unauthorized("token-refused", "The token does not carry the scope that is needed.")


class HeaderAuthenticator:
    """Believes a header: for callers inside the network that have checked the user themselves."""

    def __init__(self, header: str) -> None:
        self._header = header.lower()

    async def user(self, headers: Mapping[str, str]) -> str:
        if not self._header:
            return ANONYMOUS
        user = headers.get(self._header, "")
        if not USER_ID.fullmatch(user):
            raise Problem(401, "user-missing", "The request does not name its user.")
        return user


def build_authenticator(settings: Settings) -> Authenticator:
    if settings.auth_issuer:
        return TokenAuthenticator(settings, SigningKeys(settings.jwks_url))
    return HeaderAuthenticator(settings.user_header)


def _unauthorized(kind: str, detail: str) -> Problem:
    error = "" if kind == "token-missing" else ' error="invalid_token"'
    return Problem(401, kind, detail, headers={"WWW-Authenticate": "Bearer" + error})
