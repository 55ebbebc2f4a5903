"""Taking every right away from the process that will read hostile content.

The order matters: limits first, as they need no rights; then what needs the rights of root; then the loss of all
capabilities; then what binds for good. Landlock and the system-call filter are indispensable, each covers what the
other cannot: without both there is no sandbox. The rest is taken where the user may take it, and ``Applied`` says what
was.
"""

import ctypes
import os
import resource
import signal
import struct
from typing import NamedTuple

from freehold.model.errors import TrustError
from freehold.sandbox import landlock, seccomp
from freehold.sandbox.seccomp import Violation

NOBODY = 65_534
"""The user and group that a worker of root becomes."""

DESCRIPTORS = 64
"""Descriptors that a worker may have open."""

_SET_DEATH_SIGNAL, _SET_DUMPABLE, _DROP_FROM_BOUNDING, _SET_NO_NEW_PRIVILEGES, _AMBIENT = 1, 4, 24, 38, 47
_AMBIENT_CLEAR = 4
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522


class Policy(NamedTuple):
    """How a process is to be confined.

    Attributes:
        memory: bytes of address space that it may take beyond what it has.
        cpu_seconds: processor time that it may use in its life.
        file_bytes: how large it may make a file.
        parent: the process whose death ends it.
        calls: the system calls that it may make; empty only if it is not confined.
        root: descriptor of an empty directory that becomes its file system; None where that cannot be had.
        descriptors: whether files arrive over a socket.
        confine: False leaves it at the limits on resources, for who insists on no sandbox.
        violation: what a forbidden system call leads to.
        code: whether it may turn memory into machine code, as the emulated processor does.
    """

    memory: int
    cpu_seconds: int
    file_bytes: int
    parent: int
    calls: seccomp.Table
    root: int | None
    descriptors: bool = True
    confine: bool = True
    violation: Violation = Violation.KILL
    code: bool = False


class Applied(NamedTuple):
    """What confines a process.

    Attributes:
        landlock: the version of Landlock's interface, 0 when it is not in force.
        seccomp: whether system calls are filtered.
        user: the user id it runs under.
        capabilities: whether it has given up all of them.
        empty_root: whether it sees an empty file system.
    """

    landlock: int = 0
    seccomp: bool = False
    user: int = -1
    capabilities: bool = False
    empty_root: bool = False

    def __str__(self) -> str:
        if not self.seccomp:
            return "not sandboxed"
        parts = [f"Landlock {self.landlock}", "seccomp"]
        if self.empty_root:
            parts.append("empty root")
        if self.capabilities:
            parts.append("no capabilities")
        parts.append(f"user {self.user}")
        return ", ".join(parts)


def obstacle() -> str:
    """Say what keeps this kernel from confining a worker; "" when nothing does."""
    if not landlock.abi():
        return "Landlock is missing or switched off"
    return seccomp.obstacle()


def require() -> None:
    """Raise ``TrustError`` with what the user can do when this kernel cannot confine a worker."""
    missing = obstacle()
    if missing:
        raise TrustError(f"no sandbox on this kernel: {missing}; --unsafe-no-sandbox scans without one")


def empty_directory(parent: str) -> int | None:
    """Return a descriptor of a directory that is empty for ever, because it is removed already; None without root.

    Raises:
        OSError: nothing can be created in ``parent``.
    """
    if os.geteuid() != 0:
        return None
    path = os.path.join(parent, f".freehold-{os.urandom(12).hex()}")  # noqa: PTH118 - pathlib is not loaded here
    os.mkdir(path, 0o700)  # noqa: PTH102
    try:
        return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    finally:
        os.rmdir(path)  # noqa: PTH106


def lock_down(policy: Policy) -> Applied:
    """Confine this process, for good; it must have one thread.

    Raises:
        TrustError: Landlock or the system-call filter cannot be had although ``policy.confine`` asks for them.
    """
    _limit_resources(policy)
    if not policy.confine:
        _tie_to(policy.parent)
        return Applied(user=os.geteuid())
    require()
    empty_root = os.geteuid() == 0 and policy.root is not None and _enter(policy.root)
    if os.geteuid() == 0:
        _become_nobody()
    capabilities = _drop_capabilities()
    _tie_to(policy.parent)
    _prctl(_SET_DUMPABLE, 0)
    if _prctl(_SET_NO_NEW_PRIVILEGES, 1):
        raise TrustError("the kernel refused to rule out new privileges")
    version = landlock.abi()
    landlock.deny_all(version)
    user = os.geteuid()
    seccomp.install(policy.calls, policy.violation, descriptors=policy.descriptors, code=policy.code)
    return Applied(version, seccomp=True, user=user, capabilities=capabilities, empty_root=empty_root)


def _limit_resources(policy: Policy) -> None:
    taken = _address_space()
    for kind, value, more in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, DESCRIPTORS, 0),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_AS, taken + policy.memory, 0),
        (resource.RLIMIT_CPU, policy.cpu_seconds, 1),  # SIGXCPU comes at the first bound, SIGKILL at the second
        (resource.RLIMIT_FSIZE, policy.file_bytes, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bound = value + more if hard == resource.RLIM_INFINITY else min(value + more, hard)
        resource.setrlimit(kind, (min(value, bound), bound))


def _address_space() -> int:
    """Bytes that are mapped already, the bundles among them; 0 without /proc."""
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123
            return int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _enter(root: int) -> bool:
    try:
        os.fchdir(root)
        os.chroot(".")
    except PermissionError:
        return False
    finally:
        os.close(root)
    return True


def _become_nobody() -> None:
    """Give up the user id of root; in a container without the right to, the loss of capabilities must do."""
    for capability in range(64):
        if _prctl(_DROP_FROM_BOUNDING, capability):
            break
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        return


def _drop_capabilities() -> bool:
    _prctl(_AMBIENT, _AMBIENT_CLEAR)
    call = ctypes.CDLL(None, use_errno=True).syscall
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    dropped: int = call(_CAPSET[os.uname().machine], header, bytes(24))
    return dropped == 0


def _tie_to(parent: int) -> None:
    """Die when the parent does. Changing the user clears this, so it comes after."""
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, value: int) -> int:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    zero = ctypes.c_ulong(0)
    result: int = prctl(option, ctypes.c_ulong(value), zero, zero, zero)
    return result
