"""Who may ask: tokens of an issuer, or a trusted header."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from agent_runtime.auth import KEYS_PAUSE, KEYS_TTL, KeysUnavailableError, SigningKeys, TokenAuthenticator
from agent_runtime.settings import Settings
from tests.support import markers
from tests.support.apps import TestApp, settings, started

pytestmark = pytest.mark.anyio

ISSUER = "https://issuer.example/pool"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_set(**keys: rsa.RSAPrivateKey) -> bytes:
    found = []
    for name, key in keys.items():
        public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
        found.append({**public, "kid": name, "use": "sig", "alg": "RS256"})
    return json.dumps({"keys": found}).encode()


def token(key: rsa.RSAPrivateKey = KEY, kid: str = "k1", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "sub": "user-1",
        "iss": ISSUER,
        "exp": now + 300,
        "iat": now,
        "token_use": "access",
        "client_id": "app",
        "scope": "coach/talk",
    }
    claims.update(changes)
    claims["note"] = markers.TOKEN
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm="RS256", headers={"kid": kid})


def protected(**values: Any) -> Settings:
    return settings(auth_issuer=ISSUER, auth_clients="app,other-app", **values)


async def ask(
    authorization: str | None, chosen: Settings | None = None, keys: SigningKeys | None = None
) -> tuple[int, dict[str, Any], TestApp]:
    chosen = chosen or protected()
    keys = keys or SigningKeys("https://issuer.example/keys", fetch=lambda _: key_set(k1=KEY))
    async with started(chosen, authenticator=TokenAuthenticator(chosen, keys)) as agent:
        headers = {} if authorization is None else {"Authorization": authorization}
        response = await agent.say(**headers)
        markers.record("problems.txt", json.dumps(dict(response.headers)) + "\n")
        if response.status_code == 401:
            assert response.headers["www-authenticate"].startswith("Bearer")
        if authorization and " " in authorization:
            secret = authorization.split(" ", 1)[1]
            assert secret not in "".join(agent.logs.lines) + "".join(agent.metrics.lines) + response.text
        return response.status_code, response.json(), agent


async def test_a_token_of_the_issuer_for_this_client_is_accepted_and_names_the_user() -> None:
    status, _, agent = await ask(f"Bearer {token()}")
    assert status == 200
    assert agent.invocations()[0]["user_id"] == "user-1"


async def test_an_id_token_is_accepted_where_id_tokens_are_asked_for() -> None:
    status, _, _ = await ask(f"Bearer {token(token_use='id', client_id=None, aud='app')}", protected(auth_token_use="id"))
    assert status == 200


@pytest.mark.parametrize(
    ("authorization", "problem"),
    [
        (None, "token-missing"),
        ("Basic abc", "token-missing"),
        ("Bearer not-a-token", "token-refused"),
        (f"Bearer {token(exp=int(time.time()) - 60)}", "token-expired"),
        (f"Bearer {token(exp=None)}", "token-refused"),
        (f"Bearer {token(iss='https://elsewhere.example')}", "token-refused"),
        (f"Bearer {token(client_id='stranger')}", "token-refused"),
        (f"Bearer {token(client_id=None)}", "token-refused"),
        (f"Bearer {token(token_use='id')}", "token-refused"),
        (f"Bearer {token(sub=None)}", "token-refused"),
        (f"Bearer {token(sub='line' + chr(10) + 'break')}", "token-refused"),
        (f"Bearer {token(OTHER_KEY)}", "token-refused"),
        (f"Bearer {token(kid='unknown')}", "token-refused"),
        (f"Bearer {token()[:-4]}AAAA", "token-refused"),
        ("Bearer " + jwt.encode({"sub": "user-1", "iss": ISSUER}, "", algorithm="none"), "token-refused"),
        ("Bearer " + jwt.encode({"sub": "u"}, "x" * 32, algorithm="HS256", headers={"kid": "k1"}), "token-refused"),
    ],
)
async def test_any_other_token_is_a_401(authorization: str | None, problem: str) -> None:
    status, body, _ = await ask(authorization)
    assert (status, body["type"].rsplit(":", 1)[1]) == (401, problem)


async def test_a_scope_that_is_asked_for_must_be_there() -> None:
    assert (await ask(f"Bearer {token()}", protected(auth_scope="coach/talk")))[0] == 200
    assert (await ask(f"Bearer {token()}", protected(auth_scope="coach/admin")))[0] == 401


async def test_a_bad_token_is_refused_before_the_body_is_looked_at() -> None:
    chosen = protected()
    keys = SigningKeys("unused", fetch=lambda _: key_set(k1=KEY))
    async with started(chosen, authenticator=TokenAuthenticator(chosen, keys)) as agent:
        response = await agent.client.post("/coach", content="not json")
    assert response.status_code == 401


async def test_health_and_version_need_no_token() -> None:
    async with started(protected()) as agent:
        answers = [await agent.client.get(path) for path in ("/health", "/ready", "/ping", "/version")]
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_keys_that_cannot_be_fetched_are_a_503_and_not_a_401() -> None:
    def fail(_: str) -> bytes:
        raise OSError("no route")

    status, body, _ = await ask(f"Bearer {token()}", keys=SigningKeys("unused", fetch=fail))
    assert (status, body["retry_after"]) == (503, 5)


class Issuer:
    """An issuer whose keys change, and that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 1000.0
        self.answer: bytes | None = key_set(k1=KEY)
        self.keys = SigningKeys("unused", fetch=self._fetch, clock=lambda: self.now)

    def _fetch(self, _: str) -> bytes:
        self.asked += 1
        if self.answer is None:
            raise OSError("away")
        return self.answer


async def test_a_new_key_is_found_but_unknown_ids_cannot_make_us_ask_all_the_time() -> None:
    issuer = Issuer()
    assert await issuer.keys.get("k1") is not None
    for _ in range(20):
        assert await issuer.keys.get("k2") is None
    assert issuer.asked == 1
    issuer.answer = key_set(k1=KEY, k2=OTHER_KEY)
    issuer.now += KEYS_PAUSE
    assert await issuer.keys.get("k2") is not None
    assert issuer.asked == 2


async def test_old_keys_serve_on_while_the_issuer_is_away() -> None:
    issuer = Issuer()
    await issuer.keys.get("k1")
    issuer.answer = None
    issuer.now += KEYS_TTL + 1
    assert await issuer.keys.get("k1") is not None
    assert issuer.asked == 2


async def test_a_failed_fetch_is_tried_again_after_a_pause() -> None:
    issuer = Issuer()
    issuer.answer = None
    with pytest.raises(KeysUnavailableError):
        await issuer.keys.get("k1")
    issuer.answer = key_set(k1=KEY)
    issuer.now += KEYS_PAUSE
    assert await issuer.keys.get("k1") is not None


async def test_a_trusted_header_names_the_user_and_must_be_there() -> None:
    async with started(settings(user_header="X-User-Id")) as agent:
        named = await agent.say(X_User_Id="user-7")
        missing = await agent.say()
        malformed = await agent.say(X_User_Id="two words")
        assert agent.invocations()[0]["user_id"] == "user-7"
    assert [each.status_code for each in (named, missing, malformed)] == [200, 401, 401]


async def test_two_users_with_one_session_id_have_two_conversations() -> None:
    async with started(settings(user_header="X-User-Id")) as agent:
        await agent.say("mine", session="same", X_User_Id="user-1")
        other = await agent.say("yours", session="same", X_User_Id="user-2")
    assert other.json()["reply"] == "(turn 1) You said: yours"
