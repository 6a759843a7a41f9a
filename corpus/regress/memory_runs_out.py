"""A program that asks for more memory than there is gets a MemoryError, however it asks."""
import io
import array
import itertools
import resource
import sys

MB = 1 << 20
with open('/proc/self/statm') as f:
    used = int(f.read().split()[0]) * resource.getpagesize()
ROOM = 200 * MB
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
    'upper': lambda: ('\u0390' * (60 * MB)).upper(),
    'repr': lambda: repr('\x00' * (80 * MB)),
    'repr of bytes': lambda: repr(b'\x00' * (80 * MB)),
    'escapes': lambda: ('\U0001f600' * (20 * MB)).encode('unicode_escape'),
    'replacements': lambda: ('\U0001f600' * (20 * MB)).encode('ascii', 'xmlcharrefreplace'),
    'hex': lambda: bytes(150 * MB).hex(),
    'line of bytes': lambda: open('/dev/zero', 'rb').readline(),
    'line of text': lambda: open('/dev/zero').readline(),
    'doubled': lambda: [a := 'ab', [a := a + a for _ in range(40)]],
    'doubled list': lambda: [a := [1], [a := a + a for _ in range(40)]],
    'arguments': lambda: (lambda *a: a)(*range(MANY)),
    'string in memory': lambda: io.StringIO().write('a' * (100 * MB)),
}

resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, resource.RLIM_INFINITY))
for name, case in CASES.items():
    try:
        case()
    except MemoryError:
        continue
    except OverflowError:
        # CPython counts the digits of numbers before it looks for room.
        assert name in ('shift', 'power'), name
        continue
    sys.exit(f'{name}: there was room')
