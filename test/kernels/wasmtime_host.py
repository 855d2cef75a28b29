"""A host that has nothing but kernels.wasm: observes float32 values from stdin in two halves, merges, encodes, prints what it found as JSON.

Usage: python3 wasmtime_host.py kernels.wasm < values
The calls and their memory are explained in assembly/README.md. The twin in JavaScript is bareHost in standalone.test.ts.
"""
import json
import struct
import sys

from wasmtime import Engine, Instance, Limits, Memory, MemoryType, Module, Store

GAMMA = 3.0
ASYMMETRIC = 0

store = Store(Engine())
memory = Memory(store, MemoryType(Limits(64, None)))
exports = Instance(store, Module.from_file(store.engine, sys.argv[1]), [memory]).exports(store)


def run(name, *numbers):
    return exports[name](store, *numbers)


top = run("heapBase")


def alloc(size):
    global top
    at = top
    top = (at + size + 15) // 16 * 16
    assert top <= memory.data_len(store), "fits the memory"
    return at


def observe(values):
    at, count = alloc(len(values)), len(values) // 4
    bins, counts = alloc(65536 * 2), alloc(65536 * 8)
    memory.write(store, values, at)
    run("minMax", at, count, extremes)
    run("histogram", at, count, scratch)
    return bins, counts, run("compact", scratch, bins, counts)


values = sys.stdin.buffer.read()
middle = len(values) // 4 // 2 * 4
scratch, extremes = alloc(run("histogramBytes")), alloc(8)
memory.write(store, struct.pack("<2f", float("inf"), float("-inf")), extremes)
a_bins, a_counts, a_used = observe(values[:middle])
b_bins, b_counts, b_used = observe(values[middle:])

bins, counts = alloc((a_used + b_used) * 2), alloc((a_used + b_used) * 8)
used = run("merge", a_bins, a_counts, b_bins, b_counts, bins, counts, a_used, b_used)

observed, encoding = alloc(run("readHistogramBytes", used)), alloc(4 * 8)
smallest, largest = struct.unpack("<2f", memory.read(store, extremes, extremes + 8))
assert run("readHistogram", bins, counts, used, smallest, largest, observed) == 1
run("encodeTfEnhanced", observed, 8, ASYMMETRIC, GAMMA, encoding)


def taken(at, size):
    return bytes(memory.read(store, at, at + size)).hex()


print(json.dumps({"bins": taken(bins, used * 2), "counts": taken(counts, used * 8), "range": taken(extremes, 8), "encoding": taken(encoding, 32)}))
