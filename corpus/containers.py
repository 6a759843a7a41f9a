# Containers and the modules made of them: results, orders, hashes and messages.

import bisect
import collections
import functools
import heapq
import itertools
import operator

CASES = [
    ('sorted([5, 2, 9, 1])', '[1, 2, 5, 9]'),
    ('sorted([(2, 1), (1, 2), (1, 1)], reverse=True)', '[(2, 1), (1, 2), (1, 1)]'),
    ('sorted([3, -2, 1], key=abs)', '[1, -2, 3]'),
    ('[1, 2, 3, 4, 5][::-2]', '[5, 3, 1]'),
    ('list(range(10, 0, -3))', '[10, 7, 4, 1]'),
    ('range(10)[2:8:3]', 'range(2, 8, 3)'),
    ('{1, 2, 3, 100, 50, 33, 17, 8, 16}', '{1, 2, 3, 100, 33, 8, 16, 17, 50}'),
    ('set(range(20)) - {3, 5}', '{0, 1, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}'),
    ('hash((1, 2, 3))', '529344067295497451'),
    ('hash(frozenset([1, 2, 3]))', '-272375401224217160'),
    ('hash(())', '5740354900026072187'),
    ('hash(slice(1, 2, 3))', '-2340833382717974474'),
    ('hash(range(3, 9))', '5980786650781276345'),
    ("{1: 2, 'a': [1]} | {3: 4}", "{1: 2, 'a': [1], 3: 4}"),
    ('{1: 2}.keys() & [1, 3]', '{1}'),
    ('{1: 2}.items() ^ {(3, 4)}', '{(1, 2), (3, 4)}'),
    ('slice(None, -2**100, -1).indices(2**90)', '(1237940039285380274899124223, -1, -1)'),
    ('range(2**70)[2**69]', '590295810358705651712'),
    ('list(range(2**70, 2**70 + 3))', '[1180591620717411303424, 1180591620717411303425, 1180591620717411303426]'),
    ('list(reversed({1: 2, 3: 4}))', '[3, 1]'),
    ('[1, 2, 3].index(3, -1)', '2'),
    ('{1} in [{1}]', 'True'),
    ('{frozenset([1])}.__contains__({1})', 'True'),
    ('list(zip((1,), (1, 2), strict=True))', 'ValueError: zip() argument 2 is longer than argument 1'),
    ('[1, 2] * 2**62', 'MemoryError: '),
    ('[1] + (1,)', 'TypeError: can only concatenate list (not "tuple") to list'),
    ('{[]: 1}', "TypeError: cannot use 'list' as a dict key (unhashable type: 'list')"),
    ('{[]}', "TypeError: cannot use 'list' as a set element (unhashable type: 'list')"),
    ('operator.getitem([1], 1.0)', 'TypeError: list indices must be integers or slices, not float'),
    ('dict([(1, 2, 3)])', 'ValueError: dictionary update sequence element #0 has length 3; 2 is required'),
    ('dict([1])', 'TypeError: object is not iterable'),
    ('{}.popitem()', "KeyError: 'popitem(): dictionary is empty'"),
    ('set().pop()', "KeyError: 'pop from an empty set'"),
    ('range(1, 2, 0)', 'ValueError: range() arg 3 must not be zero'),
    ('list(itertools.accumulate([1, 2, 3], operator.mul, initial=10))', '[10, 10, 20, 60]'),
    ("list(itertools.permutations('abc', 2))", "[('a', 'b'), ('a', 'c'), ('b', 'a'), ('b', 'c'), ('c', 'a'), ('c', 'b')]"),
    ("list(itertools.product('ab', [1, 2]))", "[('a', 1), ('a', 2), ('b', 1), ('b', 2)]"),
    ("[(k, list(g)) for k, g in itertools.groupby('aabbbc')]", "[('a', ['a', 'a']), ('b', ['b', 'b', 'b']), ('c', ['c'])]"),
    ('list(itertools.islice(range(100), 3, 20, 5))', '[3, 8, 13, 18]'),
    ('list(itertools.islice(range(100), -1))', 'ValueError: Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.'),
    ("list(itertools.zip_longest('abc', [1], fillvalue=0))", "[('a', 1), ('b', 0), ('c', 0)]"),
    ("list(itertools.batched('abcdefg', 3, strict=True))", 'ValueError: batched(): incomplete batch'),
    ("collections.deque('abc', 2)", "deque(['b', 'c'], maxlen=2)"),
    ('collections.deque([1]).index(9)', 'ValueError: deque.index(x): x not in deque'),
    ('collections.defaultdict(int, {1: 2}) | {3: 4}', "defaultdict(<class 'int'>, {1: 2, 3: 4})"),
    ('collections.OrderedDict(a=1, b=2) == collections.OrderedDict(b=2, a=1)', 'False'),
    ('collections.OrderedDict(a=1) | {1: 2}', "OrderedDict({'a': 1, 1: 2})"),
    ("collections.Counter('abracadabra').most_common(2)", "[('a', 5), ('b', 2)]"),
    ("functools.partial(int, base=2)('101')", '5'),
    ('functools.partial(operator.sub, functools.Placeholder, 3)(10)', '7'),
    ('functools.partial(int, functools.Placeholder)', 'TypeError: trailing Placeholders are not allowed'),
    ('functools.reduce(operator.add, [])', 'TypeError: reduce() of empty iterable with no initial value'),
    ('sorted([3, 1, 2], key=functools.cmp_to_key(lambda a, b: b - a))', '[3, 2, 1]'),
    ('[heapq.heappop(h) for h in [[1, 3, 2]] for _ in range(3)]', '[1, 2, 3]'),
    ('bisect.bisect_left([1, 2, 2, 3], 2)', '1'),
    ("operator.methodcaller('foo', 1, x=2)", "operator.methodcaller('foo', 1, x=2)"),
    ('operator.concat(1, 2)', "TypeError: 'int' object can't be concatenated"),
]


def outcome(expression):
    try:
        return repr(eval(expression))
    except Exception as e:
        return f"{type(e).__name__}: {e}"


for expression, expected in CASES:
    got = outcome(expression)
    assert got == expected, f"{expression}: {got} instead of {expected}"


def changed(container, change):
    try:
        for item in container:
            change(item)
    except RuntimeError as e:
        return str(e)


d = dict.fromkeys(range(5))
assert changed(d, lambda k: d.update({k + 100: 1})) == "dictionary changed size during iteration"
d = {0: 0}
assert changed(d, lambda k: (d.pop(0), d.setdefault(0, 0))) == "dictionary keys changed during iteration"
s = {1, 2}
assert changed(s, lambda k: s.add(k + 10)) == "Set changed size during iteration"

a = [1]
a.append(a)
assert repr(a) == "[1, [...]]"


class Key:
    def __init__(self, pair):
        self.pair = pair

    def __lt__(self, other):
        return self.pair[0] < other.pair[0]


pairs = [((i * 7919) % 31, i) for i in range(1000)]
assert sorted(pairs, key=Key) == sorted(pairs)
assert sorted(pairs, key=Key, reverse=True) == sorted(pairs, key=lambda p: (-p[0], p[1]))
