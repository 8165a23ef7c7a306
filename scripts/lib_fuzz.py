"""The engine of scripts/fuzz-*: mutates a kept corpus and whatever showed something new."""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

GROWTH_MB = 8.0
WARM = 20_000  # inputs before the memory is weighed for the first time
SIZE = 600

# name of the target, one input, the bench of the run -> a hashable summary of what was seen
Run = Callable[[str, bytes, Any], Awaitable[object]]
Repair = Callable[[str, random.Random, bytes], bytes]


def mutate(
    random_: random.Random, data: bytes, others: list[bytes], edges: tuple[int, ...]
) -> bytes:
    """One to four small changes; `edges`: octets that mean something to the protocol."""
    out = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(out) + 1)
        kind = random_.randrange(7)
        if kind == 0 and out:
            out[at % len(out)] ^= 1 << random_.randrange(8)
        elif kind == 1 and out:
            out[at % len(out)] = random_.choice(edges)
        elif kind == 2:
            out[at:at] = random_.randbytes(random_.randint(1, 8))
        elif kind == 3:
            del out[at : at + random_.randint(1, 8)]
        elif kind == 4:
            out[at:at] = random_.choice(others)
        elif kind == 5:
            out[at:] = random_.choice(others)[at:]
        else:
            out[at:at] = out[at : at + random_.randint(1, 32)]
    return bytes(out[:SIZE])


def rss_mb() -> float:
    """Resident memory, without garbage that waits to be collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def fuzz(
    name: str,
    corpus: Path,
    bench: Any,
    run: Run,
    repair: Repair,
    edges: tuple[int, ...],
    args: argparse.Namespace,
) -> bool:
    """True when nothing failed. An input that fails is kept in the corpus in any case."""
    folder = corpus / name
    pool = [path.read_bytes() for path in sorted(folder.glob("*.bin"))] or [b""]
    random_ = random.Random(args.seed)
    seen = {await run(name, data, bench) for data in pool}
    known = len(seen)
    rounds, start, slowest = 0, time.monotonic(), 0.0
    base: float | None = None
    while time.monotonic() - start < args.seconds:
        data = repair(name, random_, mutate(random_, random_.choice(pool), pool, edges))
        try:
            found = await run(name, data, bench)
        except Exception as error:
            path = folder / f"failed-{hashlib.sha256(data).hexdigest()[:12]}.bin"
            path.write_bytes(data)
            print(f"{name}: {type(error).__name__}: {error}\n  {path}")
            return False
        slowest = max(slowest, bench.longest)
        if found not in seen and len(seen) < 2000:
            seen.add(found)
            pool.append(data)
            if args.keep:
                (folder / f"{hashlib.sha256(data).hexdigest()[:12]}.bin").write_bytes(data)
        rounds += 1
        if rounds == WARM:
            base = rss_mb()
    grown = rss_mb() - base if base is not None else 0.0
    print(
        f"{name}: {rounds} inputs in {args.seconds:g} s, {len(seen) - known} new answers,"
        f" slowest {1000 * slowest:.1f} ms, grown by {grown:.1f} MB, seed {args.seed}",
        flush=True,
    )
    if grown > GROWTH_MB:
        print(f"{name}: memory grows")
        return False
    return True


def main(
    text: str,
    targets: Iterable[str],
    corpus: Path,
    make_bench: Callable[[], Any],
    run: Run,
    repair: Repair,
    edges: tuple[int, ...],
) -> int:
    """The command line of a fuzzer; 0 when no input failed. `make_bench` is called on the loop."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--keep", action="store_true", help="keep inputs that show something new")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=" ".join(targets))
    args = parser.parse_args()
    unknown = [name for name in args.targets if name not in targets]
    if unknown:
        parser.error(f"{unknown[0]} is not known; allowed are {' '.join(targets)}")

    async def one(name: str) -> bool:
        return await fuzz(name, corpus, make_bench(), run, repair, edges, args)

    good = True
    for name in args.targets or targets:
        good &= asyncio.run(one(name))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit("This is the engine; run scripts/fuzz-dnp3 or scripts/fuzz-modbus.")
