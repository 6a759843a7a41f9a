# A class attribute that has been looked up dies with its class, or when another value takes its place.
import gc
import weakref


class Thing:
    pass


class Replaced:
    thing = Thing()


gone = weakref.ref(Replaced.thing)
Replaced().thing
Replaced.other = 1
Replaced.thing = None
assert gone() is None


def make():
    class Short:
        thing = Thing()

        def method(self):
            return self.thing

    assert Short().method() is Short.thing
    return weakref.ref(Short), weakref.ref(Short.thing), weakref.ref(Short.method)


refs = make()
gc.collect()
assert [ref() for ref in refs] == [None, None, None]
