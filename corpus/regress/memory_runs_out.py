"""A program that asks for more memory than there is gets a MemoryError, however it asks."""
import array
import itertools
import resource
import subprocess
import sys

MB = 1 << 20
MANY = 1 << 31

CASES = {
    'list of a range': lambda: list(range(MANY)),
    'tuple of a range': lambda: tuple(range(MANY)),
    'unpacked': lambda: [*range(MANY)],
    'comprehension': lambda: [x for x in range(MANY)],
    'generator': lambda: list(x for x in range(MANY)),
    'extend': lambda: [].extend(itertools.repeat(1, MANY)),
    'slice assignment': lambda: [].__setitem__(slice(0, 0), itertools.repeat(1, MANY)),
    'bytes of numbers': lambda: bytes(itertools.repeat(1, MANY)),
    'bytearray of numbers': lambda: bytearray(itertools.repeat(1, MANY)),
    'array': lambda: array.array('d', itertools.repeat(1, MANY)),
    'shift': lambda: 1 << (1 << 34),
    'power': lambda: 2 ** (1 << 32),
    'padding': lambda: 'ab'.center(MANY),
    'zeros': lambda: format(5, f'0{MANY // 2}d'),
    'replace': lambda: ('a' * MB).replace('a', 'b' * MB),
    'translate': lambda: ('a' * MB).translate({97: 'b' * MB}),
    'join': lambda: ('b' * MB).join(['a'] * 1000),
    'split': lambda: ('a,' * (40 * MB)).split(','),
    'split bytes': lambda: (b'a,' * (40 * MB)).split(b','),
    'lines': lambda: ('a\n' * (40 * MB)).splitlines(),
    'line of bytes': lambda: open('/dev/zero', 'rb').readline(),
    'line of text': lambda: open('/dev/zero').readline(),
    'doubled': lambda: [a := 'ab', [a := a + a for _ in range(40)]],
    'doubled list': lambda: [a := [1], [a := a + a for _ in range(40)]],
    'arguments': lambda: (lambda *a: a)(*range(MANY)),
}



def used():
    with open('/proc/self/statm') as f:
        return int(f.read().split()[0]) * resource.getpagesize()


if len(sys.argv) > 1:
    # With the memory that earlier cases left behind there might be room.
    resource.setrlimit(resource.RLIMIT_AS, (used() + 200 * MB, resource.RLIM_INFINITY))
    try:
        CASES[sys.argv[1]]()
    except MemoryError:
        print('out of memory')
else:
    for name in CASES:
        found = subprocess.run([sys.executable, __file__, name], capture_output=True, encoding='utf-8')
        assert (found.returncode, found.stdout) == (0, 'out of memory\n'), (name, found.returncode, found.stderr[-500:])
