"""Apache Kafka for Java, from Maven Central, kept in a folder: what it needs and how it gets there."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

KAFKA_VERSION: Final = "4.3.1"
_JAVA_NEEDED: Final = 17
_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_DOWNLOAD_SECONDS: Final = 900

_POM: Final = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-runtime</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


class LocalKafkaError(Exception):
    """Why there is no local Kafka: a sentence for people, with what to do."""


def find_java() -> str:
    """Return the path of Java 17 or newer: that of JAVA_HOME, else of PATH. Raises LocalKafkaError."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        raise LocalKafkaError(f"Java {_JAVA_NEEDED} or newer is missing")
    found = _java_version(java)
    if found < _JAVA_NEEDED:
        raise LocalKafkaError(
            f"Java {_JAVA_NEEDED} or newer is missing: {java} is version {found or 'unknown'}"
        )
    return java


def jar_folder(folder: Path) -> Path:
    """Return where `folder` keeps the jars; it exists only when they are complete."""
    return folder / f"kafka-{KAFKA_VERSION}"


def can_fetch_jars() -> bool:
    """Return whether Maven is there to fetch what is missing."""
    return shutil.which("mvn") is not None


def fetch_jars(folder: Path) -> Path:
    """Return the folder of the jars, from Maven Central if they aren't there yet (54 MB, once).

    Once they are there neither Maven nor a network is asked. Raises LocalKafkaError.
    """
    jars = jar_folder(folder)
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalKafkaError("Maven (mvn) is missing, which fetches Apache Kafka once")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetching-") as scratch:
        fetched = _fetch(maven, Path(scratch))
        # Renamed last, so what was interrupted is never taken for complete.
        try:
            fetched.rename(jars)
        except OSError:  # another has fetched them meanwhile
            if not jars.is_dir():
                raise
    return jars


def _fetch(maven: str, scratch: Path) -> Path:
    (scratch / "pom.xml").write_text(_POM, encoding="utf-8")
    jars = scratch / "jars"
    command = [maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(scratch / "pom.xml")]
    command += [f"{_PLUGIN}:copy-dependencies", f"-DoutputDirectory={jars.resolve()}"]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
            command, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise LocalKafkaError(f"Maven did not fetch Apache Kafka in {_DOWNLOAD_SECONDS // 60} min") from error
    if done.returncode or not jars.is_dir():
        raise LocalKafkaError(f"Maven cannot fetch Apache Kafka: {_first_error(done.stdout)}")
    return jars


def _first_error(output: str) -> str:
    lines = (line.removeprefix("[ERROR]").strip() for line in output.splitlines() if "ERROR" in line)
    return next(lines, "it does not say why")[:300]


def _java_version(java: str) -> int:
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    match = re.search(r'version "(\d+)', shown.stderr)
    return int(match[1]) if match else 0
