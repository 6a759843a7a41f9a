import _ast as _nodes


def _table():
    table = {}
    for name in dir(_nodes):
        cls = getattr(_nodes, name)
        if isinstance(cls, type) and issubclass(cls, _nodes.AST):
            table[name] = cls
    return table


_CLASSES = _table()
_SUBCLASSES = {cls: [c for c in _CLASSES.values() if issubclass(c, cls) and not c.__subclasses__()] for cls in _CLASSES.values()}
_NAMES = ['x', 'y', 'None', '__debug__', 'self', '', 'a.b', 'print', '__class__', 'annotations', '__future__', '*', '_']
_CONSTANTS = [
    None, True, False, ..., 0, 1, -1, 2**70, 1.5, float('inf'), float('nan'), -0.0, 2j, '', 'text', 'é\ud800', b'', b'\xff', (), (1, 'a'),
    frozenset(), frozenset({1}), [], {}, object, (1, []), ((1,),), 10**400,
]


class _Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def next(self, n):
        if self.at >= len(self.data):
            return 0
        self.at += 1
        return self.data[self.at - 1] % n


def _value(source, kind, depth):
    if kind is _nodes.AST:
        return None
    if isinstance(kind, type) and issubclass(kind, _nodes.AST):
        return _node(source, kind, depth)
    if kind is str:
        return _NAMES[source.next(len(_NAMES))]
    if kind is int:
        return [0, 1, 2, -1, 115, 114, 97, 2**31, 2**63, True][source.next(10)]
    if kind is object:
        return _CONSTANTS[source.next(len(_CONSTANTS))]
    arguments = getattr(kind, '__args__', ())
    if type(None) in arguments:
        return None if source.next(3) == 0 or depth <= 0 else _value(source, arguments[0], depth)
    if arguments:
        return [_value(source, arguments[0], depth) for _ in range(source.next(4) if depth > 0 else source.next(2))]
    return _CONSTANTS[source.next(len(_CONSTANTS))]


def _node(source, cls, depth):
    choices = _SUBCLASSES[cls] or [cls]
    if depth <= 0:
        if cls is _nodes.expr:
            choices = [_nodes.Constant, _nodes.Name]
        elif cls is _nodes.stmt:
            choices = [_nodes.Pass, _nodes.Break, _nodes.Return, _nodes.Global]
        elif cls is _nodes.pattern:
            choices = [_nodes.MatchSingleton, _nodes.MatchStar]
    made = choices[source.next(len(choices))]()
    odd = source.next(40)
    for field, kind in made._field_types.items():
        if odd == 1 and source.next(4) == 0:
            continue
        if odd == 2 and source.next(4) == 0:
            setattr(made, field, [None, 1, 'x', [], [None], made, _nodes.Pass(), _nodes.Load()][source.next(8)])
            continue
        setattr(made, field, _value(source, kind, depth - 1))
    if 'ctx' in made._fields and odd > 2:
        made.ctx = _nodes.Load()
    if source.next(60) == 1:
        made.lineno, made.end_lineno = [(1, 0), (-1, 1), (2**31, 1), (0, 0), (1, 2**40), (None, 1)][source.next(6)]
    return made


def _store(node):
    # Targets want another context; most trees should get past the validator.
    if isinstance(node, (_nodes.Name, _nodes.Attribute, _nodes.Subscript)):
        node.ctx = _nodes.Store()
    elif isinstance(node, (_nodes.Tuple, _nodes.List)):
        node.ctx = _nodes.Store()
        for item in node.elts:
            _store(item)
    elif isinstance(node, _nodes.Starred):
        node.ctx = _nodes.Store()
        _store(node.value)


def _mend(node, depth=0):
    if depth > 30:
        return
    for field in ('target', 'optional_vars', 'name'):
        value = getattr(node, field, None)
        if isinstance(value, _nodes.AST):
            _store(value)
    if isinstance(node, _nodes.Assign) and isinstance(node.targets, list):
        for value in node.targets:
            _store(value)
    if isinstance(node, _nodes.AST):
        for attribute in node._attributes:
            if not hasattr(node, attribute):
                setattr(node, attribute, 1)
        for field in node._fields:
            value = getattr(node, field, None)
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, _nodes.AST):
                    _mend(item, depth + 1)


def compile_tree(data):
    source = _Bytes(data)
    mode = ['exec', 'exec', 'exec', 'eval', 'single'][source.next(5)]
    root = {'exec': _nodes.Module, 'eval': _nodes.Expression, 'single': _nodes.Interactive}[mode]
    tree = _node(source, root, 2 + source.next(6))
    if source.next(8):
        try:
            _mend(tree)
        except (AttributeError, TypeError):
            return
    for optimize in (0, 2):
        try:
            compile(tree, '<fuzz>', mode, optimize=optimize)
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, OverflowError):
            pass
        except AttributeError as e:
            # So does CPython, of fields that a node leaves out.
            if 'object has no attribute' not in str(e):
                raise
        except SystemError as e:
            # So does CPython.
            if not any(text in str(e) for text in ('expected', 'identifier', 'Unrecognized conversion character', 'invalid node type')):
                raise
