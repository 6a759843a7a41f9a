"""Run one test module and stream what happens, one line per event, to a descriptor.

usage: worker.py FD MODULE DONE FOLDER [PATTERN...]

DONE lists the plan's indexes that an earlier worker has already dealt with
("0-41,57", or "-"); FOLDER holds more test modules (or "-"); PATTERN keeps the tests whose id contains it, or matches it
if it has a "*".  Fields of an event are separated by tabs, with backslash
escapes.  Every import here is one that a young interpreter has to manage before
its first test, so json, argparse and friends are absent on purpose.
"""

import sys

try:
    import posix
except ImportError:
    import os as posix

try:
    from time import perf_counter as clock
except ImportError:
    def clock():
        return 0.0

DETAIL_LIMIT = 12000
PASS, FAIL, ERROR, SKIP = "pass", "fail", "error", "skip"
EXPECTED_FAILURE, UNEXPECTED_SUCCESS = "expected-failure", "unexpected-success"
SEVERITY = [PASS, EXPECTED_FAILURE, SKIP, UNEXPECTED_SUCCESS, FAIL, ERROR]


class Channel:
    """The event stream; a forked child of a test must stay silent on it."""

    def __init__(self, fd):
        self.fds = [fd]
        self.pid = posix.getpid()
        self.write = posix.write
        self.getpid = posix.getpid
        try:
            posix.set_inheritable(fd, False)
            # Tests close descriptors they do not own; the second one is a reserve.
            self.fds.append(posix.dup2(fd, fd + 57, False))
        except Exception:
            pass

    def send(self, *fields):
        if self.getpid() != self.pid:
            return
        line = "\t".join([escape(field) for field in fields]) + "\n"
        data = line.encode("utf-8")
        for fd in self.fds:
            try:
                while data:
                    data = data[self.write(fd, data):]
                return
            except OSError:
                continue


def escape(field):
    text = str(field).encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) > DETAIL_LIMIT:
        half = DETAIL_LIMIT // 2
        text = text[:half] + "\n[...]\n" + text[-half:]
    text = text.replace("\\", "\\\\").replace("\t", "\\t")
    return text.replace("\n", "\\n").replace("\r", "\\r")


def describe(error):
    """A traceback as text, by whatever works: this may run where little does."""
    try:
        import traceback
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except BaseException as second:
        lines = []
        tb = error.__traceback__
        while tb is not None:
            code = tb.tb_frame.f_code
            lines.append("  %s:%s in %s" % (code.co_filename, tb.tb_lineno, code.co_name))
            tb = tb.tb_next
        try:
            lines.append("%s: %s" % (type(error).__name__, error))
        except BaseException:
            lines.append(type(error).__name__)
        lines.append("(no full traceback: %s: %s)" % (type(second).__name__, second))
        return "\n".join(lines)


def parse_ranges(text):
    indexes = set()
    if text != "-":
        for part in text.split(","):
            first, _, last = part.partition("-")
            indexes.update(range(int(first), int(last or first) + 1))
    return indexes


def matches(pattern, name):
    """Glob match with "*" only; without one, containment."""
    parts = pattern.split("*")
    if len(parts) == 1:
        return pattern in name
    if not name.startswith(parts[0]):
        return False
    name = name[len(parts[0]):]
    for part in parts[1:-1]:
        at = name.find(part)
        if at < 0:
            return False
        name = name[at + len(part):]
    return name.endswith(parts[-1])


def flatten(suite, found):
    for test in suite:
        if hasattr(test, "__iter__"):
            flatten(test, found)
        elif test is not None:
            found.append(test)
    return found


def name_all(tests):
    """Ids without the "test." in front, made unique by a count behind repeated ones."""
    names = []
    seen = {}
    for test in tests:
        try:
            name = str(test.id())
        except Exception:
            name = str(test)
        name = name.replace("\n", " ")
        if name.startswith("test."):
            name = name[5:]
        count = seen.get(name, 0) + 1
        seen[name] = count
        if count > 1:
            name = "%s#%d" % (name, count)
        names.append(name)
    return names


def build_classes(unittest, channel):
    """The result and suite classes; here, because their bases are imported late."""

    class Result(unittest.TestResult):
        def __init__(self):
            unittest.TestResult.__init__(self)
            self.reset()

        def reset(self):
            self.outcome = None
            self.details = []
            self.subtests = [0, 0, 0]
            self.fixture = None

        def note(self, outcome, detail=""):
            if self.outcome is None or SEVERITY.index(outcome) > SEVERITY.index(self.outcome):
                self.outcome = outcome
            if detail:
                self.details.append(detail)

        def text(self, err, test):
            try:
                return self._exc_info_to_string(err, test)
            except BaseException:
                return describe(err[1])

        def addSuccess(self, test):
            self.note(PASS)

        def addFailure(self, test, err):
            self.note(FAIL, self.text(err, test))

        def addError(self, test, err):
            text = self.text(err, test)
            self.note(ERROR, text)
            self.note_fixture(ERROR, test, text)

        def addSkip(self, test, reason):
            if hasattr(test, "test_case"):
                self.subtests[2] += 1
                return
            self.note(SKIP, str(reason))
            self.note_fixture(SKIP, test, str(reason))

        def addExpectedFailure(self, test, err):
            self.note(EXPECTED_FAILURE)

        def addUnexpectedSuccess(self, test):
            self.note(UNEXPECTED_SUCCESS)

        def addSubTest(self, test, subtest, err):
            if err is None:
                self.subtests[0] += 1
                return
            self.subtests[1] += 1
            failed = issubclass(err[0], test.failureException)
            self.note(FAIL if failed else ERROR, "%s\n%s" % (subtest, self.text(err, test)))

        def note_fixture(self, outcome, test, text):
            # unittest reports setUpClass and its kin through a holder that is no TestCase.
            if type(test).__name__ == "_ErrorHolder":
                self.fixture = (outcome, str(test), text)
                channel.send("fixture", outcome, test, text)

        def final(self):
            if self.outcome is not None:
                return self.outcome
            ok, bad, skipped = self.subtests
            return SKIP if skipped and not ok else PASS

    class Suite(unittest.TestSuite):
        """unittest's suite loop with an event before whatever may run user code."""

        def run_planned(self, planned, result):
            while planned:
                index, name, test = planned.pop(0)
                self.enter(test, result)
                failed = (getattr(type(test), "_classSetupFailed", False)
                          or getattr(result, "_moduleSetUpFailed", False))
                if failed:
                    self.refuse(index, result)
                else:
                    run_one(index, test, result)
                del test
            channel.send("phase", "tearDown of the last class and module")
            self._tearDownPreviousClass(None, result)
            self._handleModuleTearDown(result)

        def enter(self, test, result):
            previous = getattr(result, "_previousTestClass", None)
            current = type(test)
            if current is not previous:
                result.fixture = None
                channel.send("phase", "tearDownClass %s" % getattr(previous, "__qualname__", ""))
                self._tearDownPreviousClass(test, result)
                if current.__module__ != getattr(previous, "__module__", None):
                    channel.send("phase", "setUpModule %s" % current.__module__)
                self._handleModuleFixture(test, result)
                channel.send("phase", "setUpClass %s" % current.__qualname__)
            else:
                self._handleModuleFixture(test, result)
            self._handleClassSetUp(test, result)
            result._previousTestClass = current

        def refuse(self, index, result):
            outcome, holder, text = result.fixture or self.refusal
            self.refusal = (outcome, holder, text)
            detail = text if outcome == SKIP else "%s: %s" % (holder, text)
            channel.send("start", index)
            channel.send("result", index, outcome, 0, 0, 0, 0, 0, 0, detail)

        refusal = (ERROR, "setUpClass or setUpModule", "failed")

    def run_one(index, test, result):
        result.reset()
        examples = getattr(getattr(test, "_dt_test", None), "examples", ())
        examples = len(examples)
        channel.send("start", index)
        before = clock()
        try:
            test(result)
        except BaseException as error:
            result.note(ERROR, describe(error))
        seconds = clock() - before
        detail = "\n".join(result.details)
        bad_examples = 0
        if examples and result.outcome in (FAIL, ERROR):
            bad_examples = max(1, detail.count("\nFailed example:"))
        ok, bad, skipped = result.subtests
        channel.send("result", index, result.final(), "%.4f" % seconds,
                     ok, bad, skipped, examples, bad_examples, detail)
        result.errors.clear()
        result.failures.clear()

    return Result, Suite


def prepare_support():
    """What libregrtest sets before a plain, quiet run without extra resources."""
    try:
        from test import support
    except BaseException as error:
        return describe(error)
    support.verbose = 0
    support.failfast = False
    support.junit_xml_list = None
    support.use_resources = {}
    for prepare in (lambda: support.record_original_stdout(sys.stdout),
                    lambda: sys.stdout.reconfigure(errors="backslashreplace")):
        try:
            prepare()
        except Exception:
            pass
    return None


def restore_interrupt():
    # A worker of a background job inherits an ignored SIGINT, which some tests rely on.
    try:
        import signal
        if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, signal.SIG_DFL):
            signal.signal(signal.SIGINT, signal.default_int_handler)
    except Exception:
        pass


def load(module_name, folder, unittest):
    """The module's tests in order, as unittest's load_tests protocol gives them."""
    if folder != "-":
        import test
        test.__path__.insert(0, folder)
    full_name = "test." + module_name
    __import__(full_name)
    module = sys.modules[full_name]
    random = sys.modules.get("random")
    if random is not None:
        random.seed(0)
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromModule(module)
    if loader.errors:
        raise ImportError("errors while loading tests\n" + "\n".join(map(str, loader.errors)))
    return flatten(suite, [])


def run_module(channel, module_name, done, folder, patterns):
    channel.send("phase", "import unittest")
    try:
        import unittest
    except BaseException as error:
        channel.send("module", "import-error", "import unittest: " + describe(error))
        return
    channel.send("phase", "import test.support")
    trouble = prepare_support()
    restore_interrupt()
    channel.send("phase", "import")
    try:
        tests = load(module_name, folder, unittest)
    except unittest.SkipTest as reason:
        channel.send("module", "skip", reason)
        return
    except BaseException as error:
        text = describe(error)
        if trouble:
            text += "\nand earlier, from test.support:\n" + trouble
        channel.send("module", "import-error", text)
        return
    names = name_all(tests)
    planned = []
    for index, test in enumerate(tests):
        if not patterns or any([matches(pattern, names[index]) for pattern in patterns]):
            channel.send("plan", index, names[index])
            if index not in done:
                planned.append((index, names[index], test))
    del tests
    Result, Suite = build_classes(unittest, channel)
    channel.send("ready", len(planned))
    try:
        Suite().run_planned(planned, Result())
    except BaseException as error:
        channel.send("module", "error", describe(error))
    channel.send("phase", "clean-up")
    try:
        from test import support
        support.gc_collect()
        support.reap_children()
    except BaseException:
        pass


def main():
    channel = Channel(int(sys.argv[1]))
    # The directory of this file must not be importable by tests; the working directory is.
    try:
        here = sys.path[0]
        if here and __file__.startswith(here):
            sys.path[0] = posix.getcwd()
    except Exception:
        pass
    module_name = sys.argv[2]
    done = parse_ranges(sys.argv[3])
    folder = sys.argv[4]
    patterns = sys.argv[5:]
    sys.argv[1:] = []
    run_module(channel, module_name, done, folder, patterns)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass
    channel.send("done")


if __name__ == "__main__":
    main()
