"""Runs the ledger's own tests against DynamoDB Local, on loopback, for as long as they take."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import time

from counting import Counter

ROOT = pathlib.Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    folder = next(pathlib.Path(sys.argv[1]).glob("dynamodb_local_*"))
    port = free_port()
    command = ["java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar", "-inMemory", "-port", str(port)]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            if listening(port):
                break
            if server.poll() is not None:
                raise SystemExit("DynamoDB Local did not start")
            time.sleep(0.1)
        environment = {**os.environ, "ROPEWALK_TEST_DYNAMODB": f"http://127.0.0.1:{port}"}
        command = ["cargo", "test", "--workspace", "--test", "main", "ledger::a_peer", "--", "--nocapture"]
        tests = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        print(tests.stdout)
        if tests.returncode != 0:
            raise SystemExit("the ledger's tests do not pass on DynamoDB Local")
        counter = Counter("DynamoDB Local")
        counter.calls = sum(int(number) for number in re.findall(r"ledger: (\d+) comparisons against http", tests.stdout))
        counter.close()
    finally:
        server.kill()
        server.wait()


main()
