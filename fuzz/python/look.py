import dis as _dis_module
import marshal as _marshal_module


def look_at_code(data):
    try:
        code = _marshal_module.loads(data)
    except (ValueError, EOFError, TypeError, MemoryError, RecursionError):
        return
    list(code.co_lines())
    list(code.co_positions())
    list(code.co_branches())
    repr(code)
    hash(code)
    code == code.replace(co_firstlineno=7)
    code.co_code, code.co_lnotab if False else None, code._co_code_adaptive, code._varname_from_oparg
    code.co_varnames, code.co_cellvars, code.co_freevars, code.co_nlocals
    for i in range(-1, len(code.co_varnames) + 2):
        try:
            code._varname_from_oparg(i)
        except (IndexError, ValueError, SystemError):
            pass
    for name in ('co_code', 'co_linetable', 'co_exceptiontable'):
        try:
            code.replace(**{name: getattr(code, name)[1:]})
        except ValueError:
            pass
    try:
        for instruction in _dis_module.get_instructions(code, show_caches=True):
            instruction.argrepr
    except (IndexError, ValueError, StopIteration, RuntimeError, AssertionError, OverflowError, KeyError, SystemError, TypeError):
        pass
    _marshal_module.dumps(code)
