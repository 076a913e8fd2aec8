"""What came with a repository or an archive, in each form that git has."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from attacks.case import Group
from attacks.projects import LONG_AGO, date, everything, git, site_packages
from attacks.stage import Stage

GROUP = Group("deliveries", by_turns=True)


# ---- An index that says so -----------------------------------------------------------------------
# The environment is the user's own in all other respects: made here, and then tracked.


def _tracked(prepare: Callable[[Path], object], *options: str) -> Callable[[Stage], None]:
    """Return the case of a tracked environment in whose repository *prepare* was done."""

    def act(stage: Stage) -> None:
        environment = stage.build.tracked("app", *options)
        root = environment.parent
        prepare(root)
        stage.build.arm(root)
        stage.visit(root, None)

    return act


def _staged(_root: Path) -> None:
    """Leave it as ``git add`` does."""


def _committed(root: Path) -> None:
    git(root, "commit", "-q", "-m", "environment")


def _version_4(root: Path) -> None:
    git(root, "update-index", "--index-version", "4")


def _version_3(root: Path) -> None:
    (root / "intended").touch()
    git(root, "add", "-N", "intended")


def _split(root: Path) -> None:
    git(root, "update-index", "--split-index")
    (root / "later").touch()
    git(root, "add", "later")


def _split_of_version_4(root: Path) -> None:
    _version_4(root)
    _split(root)


def _packed(root: Path) -> None:
    _committed(root)
    git(root, "gc", "-q")


def _with_extensions(root: Path) -> None:
    git(root, "update-index", "--untracked-cache")
    _committed(root)
    git(root, "status")


def _unmerged(root: Path) -> None:
    _committed(root)
    git(root, "branch", "other")
    (root / ".venv/pyvenv.cfg").open("a").close()
    text = (root / ".venv/pyvenv.cfg").read_text()
    for branch, more in (("main", "a = 1\n"), ("other", "b = 2\n")):
        git(root, "checkout", "-q", branch)
        (root / ".venv/pyvenv.cfg").write_text(text + more)
        git(root, "commit", "-q", "-a", "-m", branch)
    subprocess.run(["git", "merge", "-q", "main"], cwd=root, capture_output=True, check=False)
    (root / ".venv/pyvenv.cfg").write_text(text)


def _of_many_files(root: Path) -> None:
    lines = "".join(f"100644 {'1' * 40}\tf/{number:05}\n" for number in range(20_000))
    subprocess.run(
        ["git", "update-index", "--index-info"], cwd=root, input=lines.encode(), check=True
    )


def _assumed_unchanged(root: Path) -> None:
    _committed(root)
    git(root, "update-index", "--assume-unchanged", ".venv/pyvenv.cfg")


def _ignored_as_well(root: Path) -> None:
    (root / ".gitignore").write_text(".venv\n*\n")


for _name, _prepare in {
    "staged": _staged,
    "committed": _committed,
    "index of version 4": _version_4,
    "index of version 3": _version_3,
    "split index": _split,
    "split index of version 4": _split_of_version_4,
    "packed": _packed,
    "with an untracked cache": _with_extensions,
    "unmerged": _unmerged,
    "among 20,000 files": _of_many_files,
    "assumed unchanged": _assumed_unchanged,
    "tracked and ignored": _ignored_as_well,
}.items():
    GROUP.add(_name, _tracked(_prepare))
GROUP.add("index of SHA-256", _tracked(_committed, "--object-format=sha256"))
GROUP.add("repository elsewhere", _tracked(_committed, "--separate-git-dir=../elsewhere.git"))


def _only(path: str) -> Callable[[Stage], None]:
    """Return the case of a repository that tracks one file of the environment."""

    def act(stage: Stage) -> None:
        environment = stage.build.own()
        stage.build.repository(environment.parent)
        git(environment.parent, "add", "-f", f".venv/{path}")
        stage.build.arm(environment.parent)
        stage.visit(environment.parent, None)

    return act


for _path in ("pyvenv.cfg", "bin/python", "bin/ls", "bin/activate"):
    GROUP.add(f"only {_path} is tracked", _only(_path))


@GROUP.case
def _only_a_pth_is_tracked(stage: Stage) -> None:
    environment = stage.build.own()
    stage.build.repository(environment.parent)
    git(environment.parent, "add", "-f", str(site_packages(environment) / "evil.pth"))
    stage.visit(environment.parent, None)


@GROUP.case
def _tracked_by_a_repository_above(stage: Stage) -> None:
    environment = stage.build.own("outer/inner")
    outer = stage.build.repository(stage.home / "outer")
    git(outer, "add", "-f", "inner/.venv")
    stage.visit(environment.parent, None)


@GROUP.case
def _tracked_above_a_repository_of_its_own(stage: Stage) -> None:
    # The inner one was made later, and hides nothing.
    environment = stage.build.own("outer/inner")
    outer = stage.build.repository(stage.home / "outer")
    git(outer, "add", "-f", "inner/.venv")
    stage.build.repository(stage.home / "outer/inner")
    stage.visit(environment.parent, None)


@GROUP.case
def _cloned(stage: Stage) -> None:
    source = stage.build.foreign("source").parent
    stage.build.repository(source)
    git(source, "add", "-f", ".venv")
    git(source, "commit", "-q", "-m", "environment")
    git(stage.home, "clone", "-q", "source", "app")
    stage.build.arm(stage.home / "app")
    stage.visit(stage.home / "app", None)


@GROUP.case
def _cloned_and_git_removed(stage: Stage) -> None:
    source = stage.build.foreign("source").parent
    stage.build.repository(source)
    git(source, "add", "-f", ".venv")
    git(source, "commit", "-q", "-m", "environment")
    git(stage.home, "clone", "-q", "source", "app")
    shutil.rmtree(stage.home / "app/.git")
    stage.visit(stage.home / "app", None)


@GROUP.case
def _cloned_and_no_longer_tracked(stage: Stage) -> None:
    source = stage.build.foreign("source").parent
    stage.build.repository(source)
    git(source, "add", "-f", ".venv")
    git(source, "commit", "-q", "-m", "environment")
    git(stage.home, "clone", "-q", "source", "app")
    git(stage.home / "app", "rm", "-q", "-r", "--cached", ".venv")
    stage.visit(stage.home / "app", None)


@GROUP.case
def _a_submodule(stage: Stage) -> None:
    module = stage.build.own("module").parent
    stage.build.repository(module)
    git(module, "add", "-f", ".venv")
    git(module, "commit", "-q", "-m", "environment")
    outer = stage.build.repository(stage.home / "outer")
    git(outer, "submodule", "--quiet", "add", "../module", "sub")
    stage.visit(outer / "sub", None)


@GROUP.case
def _a_submodule_called_like_the_environment(stage: Stage) -> None:
    module = stage.build.repository(stage.home / "module")
    outer = stage.build.repository(stage.home / "app")
    git(outer, "submodule", "--quiet", "add", "../module", ".venv")
    stage.build.genuine(outer / ".venv")
    assert module.exists()
    stage.visit(outer, None)


@GROUP.case
def _a_gitlink_without_a_submodule(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},.venv")
    stage.visit(root, None)


@GROUP.case
def _a_gitlink_above(stage: Stage) -> None:
    environment = stage.build.own("outer/inner")
    root = stage.build.repository(stage.home / "outer")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},inner")
    stage.visit(environment.parent, None)


@GROUP.case
def _the_environment_is_a_repository(stage: Stage) -> None:
    environment = stage.build.own()
    stage.build.repository(environment)
    git(environment, "add", "-f", ".")
    stage.visit(environment.parent, None)


@GROUP.case
def _a_worktree(stage: Stage) -> None:
    source = stage.build.foreign("source").parent
    stage.build.repository(source)
    git(source, "add", "-f", ".venv")
    git(source, "commit", "-q", "-m", "environment")
    git(source, "worktree", "add", "-q", "../app")
    stage.visit(stage.home / "app", None)


@GROUP.case
def _a_worktree_with_one_s_own(stage: Stage) -> None:
    source = stage.build.repository(stage.home / "source")
    git(source, "worktree", "add", "-q", "../app")
    environment = stage.build.genuine(stage.home / "app/.venv")
    stage.visit(stage.home / "app", environment)


@GROUP.case
def _a_sparse_index(stage: Stage) -> None:
    environment = stage.build.own("app/inside")
    root = stage.build.repository(stage.home / "app")
    (root / "kept").mkdir()
    (root / "kept/file").touch()
    git(root, "add", "-f", "inside/.venv", "kept")
    git(root, "commit", "-q", "-m", "all")
    aside = stage.home / "aside"
    (root / "inside").rename(aside)
    git(root, "sparse-checkout", "init", "--cone", "--sparse-index")
    git(root, "sparse-checkout", "set", "kept")
    shutil.rmtree(root / "inside", ignore_errors=True)
    aside.rename(root / "inside")
    stage.visit(environment.parent, None)


@GROUP.case
def _a_directory_replaced_by_a_tracked_link(stage: Stage) -> None:
    root = stage.build.project()
    stage.build.genuine(root / "real/.venv")
    stage.build.repository(root)
    (root / "link").symlink_to("real")
    git(root, "add", "-f", "link")
    stage.cd(root / "link")
    # By this way it is reached through what came with the project.
    stage.visit_as_seen(root / "link", root / "link/.venv")


@GROUP.case
def _one_s_own_in_a_repository(stage: Stage) -> None:
    environment = stage.build.own()
    stage.build.repository(environment.parent)
    stage.build.arm(environment.parent)
    stage.visit(environment.parent, environment)


@GROUP.case
def _one_s_own_beside_a_tracked_name_that_begins_alike(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    for name in (".venv-old", ".venvs/x", "a/.venv/b", ".ven"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
        git(root, "add", "-f", name)
    stage.visit(root, environment)


@GROUP.case
def _a_repository_on_a_bare_one_lying_about(stage: Stage) -> None:
    environment = stage.build.own()
    git(environment.parent, "init", "-q", "--bare", "bare.git")
    stage.visit(environment.parent, environment)


def _marked(name: str) -> None:
    """Add the cases of markers called *name*."""

    def foreign(stage: Stage) -> None:
        root = stage.build.project()
        stage.build.delivered(root / name)
        stage.visit(root, None)

    def beside_own(stage: Stage) -> None:
        # The first name counts: a stranger's .venv hides one's own venv, and says so.
        root = stage.build.project()
        stage.build.genuine(root / "venv")
        stage.build.delivered(root / name)
        stage.visit(root, None if name == ".venv" else root / "venv")

    GROUP.add(f"called {name}", foreign)
    if name != "venv":
        GROUP.add(f"called {name} beside one's own venv", beside_own)


for _name in (".venv", "venv", "env"):
    _marked(_name)


# ---- Repositories that cannot be read: doubt -----------------------------------------------------


def _broken(breaks: Callable[[Path], object], needs: str = "") -> None:
    """Add the case of one's own, ignored environment in a repository that is broken."""

    def act(stage: Stage) -> None:
        environment = stage.build.own()
        root = stage.build.repository(environment.parent)
        breaks(root)
        stage.visit(root, None)

    GROUP.add(breaks.__name__.replace("_", " "), act, needs)


def dot_git_leads_nowhere(root: Path) -> None:
    (root / ".git").rename(root.parent / "elsewhere")
    (root / ".git").write_text("gitdir: ../nowhere\n")


def dot_git_leads_to_another_host(root: Path) -> None:
    shutil.rmtree(root / ".git")
    (root / ".git").write_text("gitdir: /net/host/repository\n")


def dot_git_leads_to_itself_by_proc(root: Path) -> None:
    shutil.rmtree(root / ".git")
    (root / ".git").write_text("gitdir: /proc/self/cwd/.git\n")


def dot_git_is_a_fifo(root: Path) -> None:
    shutil.rmtree(root / ".git")
    os.mkfifo(root / ".git")


def dot_git_is_a_link_to_a_terminal(root: Path) -> None:
    shutil.rmtree(root / ".git")
    (root / ".git").symlink_to("/dev/tty")


def dot_git_is_a_link_in_a_loop(root: Path) -> None:
    shutil.rmtree(root / ".git")
    (root / ".git").symlink_to(".git")


def dot_git_is_a_sparse_gigabyte(root: Path) -> None:
    shutil.rmtree(root / ".git")
    with (root / ".git").open("wb") as file:
        file.truncate(1 << 30)


def the_index_is_a_fifo(root: Path) -> None:
    (root / ".git/index").unlink()
    os.mkfifo(root / ".git/index")


def the_index_is_a_directory(root: Path) -> None:
    (root / ".git/index").unlink()
    (root / ".git/index").mkdir()


def the_index_is_a_link_to_zeros(root: Path) -> None:
    (root / ".git/index").unlink()
    (root / ".git/index").symlink_to("/dev/zero")


def the_index_is_a_sparse_gigabyte(root: Path) -> None:
    with (root / ".git/index").open("r+b") as file:
        file.truncate(1 << 30)


def the_index_is_gone(root: Path) -> None:
    (root / ".git/index").unlink()


def the_index_is_empty(root: Path) -> None:
    (root / ".git/index").write_bytes(b"")


def the_index_is_cut(root: Path) -> None:
    data = (root / ".git/index").read_bytes()
    (root / ".git/index").write_bytes(data[: len(data) - 30])


def the_index_says_more_than_it_holds(root: Path) -> None:
    data = bytearray((root / ".git/index").read_bytes())
    data[8:12] = b"\xff\xff\xff\xff"
    (root / ".git/index").write_bytes(data)


def the_index_is_of_version_9(root: Path) -> None:
    data = bytearray((root / ".git/index").read_bytes())
    data[7] = 9
    (root / ".git/index").write_bytes(data)


def the_index_is_text(root: Path) -> None:
    (root / ".git/index").write_text("$(pwn)\n" * 100)


def commondir_is_a_fifo(root: Path) -> None:
    os.mkfifo(root / ".git/commondir")


def commondir_leads_to_another_host(root: Path) -> None:
    (root / ".git/commondir").write_text("/net/host/repository\n")


def dot_git_leads_to_itself(root: Path) -> None:
    (root / ".git").rename(root.parent / "elsewhere")
    (root / ".git").write_text("gitdir: .git\n")


def dot_git_is_64_kib(root: Path) -> None:
    (root / ".git").rename(root.parent / "elsewhere")
    (root / ".git").write_text("gitdir: " + "../" * 22_000 + "\n")


def config_is_a_fifo(root: Path) -> None:
    (root / ".git/config").unlink()
    os.mkfifo(root / ".git/config")


def config_names_an_unknown_hash(root: Path) -> None:
    text = "[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = $(pwn)\n"
    (root / ".git/config").write_text(text)


def head_is_a_fifo_and_no_index(root: Path) -> None:
    (root / ".git/index").unlink()
    (root / ".git/HEAD").unlink()
    os.mkfifo(root / ".git/HEAD")


def the_shared_index_is_gone(root: Path) -> None:
    git(root, "update-index", "--split-index")
    (root / "later").touch()
    git(root, "add", "later")
    for file in (root / ".git").glob("sharedindex.*"):
        file.unlink()


for _breaks in (
    dot_git_leads_nowhere,
    dot_git_leads_to_another_host,
    dot_git_leads_to_itself_by_proc,
    dot_git_is_a_fifo,
    dot_git_is_a_link_to_a_terminal,
    dot_git_is_a_link_in_a_loop,
    dot_git_is_a_sparse_gigabyte,
    the_index_is_a_fifo,
    the_index_is_a_directory,
    the_index_is_a_link_to_zeros,
    the_index_is_a_sparse_gigabyte,
    the_index_is_gone,
    the_index_is_empty,
    the_index_is_cut,
    the_index_says_more_than_it_holds,
    the_index_is_of_version_9,
    the_index_is_text,
    the_shared_index_is_gone,
    commondir_is_a_fifo,
    commondir_leads_to_another_host,
    dot_git_leads_to_itself,
    dot_git_is_64_kib,
    config_is_a_fifo,
    config_names_an_unknown_hash,
    head_is_a_fifo_and_no_index,
):
    _broken(_breaks)


def _other_system(directory: str) -> None:
    """Add the case of one's own environment that another version control system surrounds."""

    def act(stage: Stage) -> None:
        environment = stage.build.own()
        (environment.parent / directory).mkdir()
        stage.visit(environment.parent, None)

    GROUP.add(f"inside a directory with {directory}", act)


for _directory in (".hg", ".svn", ".jj", ".sl", ".bzr"):
    _other_system(_directory)


# ---- Arriving after trust ------------------------------------------------------------------------


def _with_branch(stage: Stage) -> tuple[Path, Path]:
    """Make one's own, ignored environment, and a branch ``other`` that tracks a file inside."""
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    (root / ".gitignore").write_text(".venv\n")
    git(root, "add", ".gitignore")
    git(root, "commit", "-q", "-m", "ignore")
    git(root, "checkout", "-q", "-b", "other")
    evil = site_packages(environment) / "zz-from-git.pth"
    evil.write_text("import os\n")
    git(root, "add", "-f", str(evil))
    git(root, "commit", "-q", "-m", "evil")
    git(root, "checkout", "-q", "main")
    assert not evil.exists()
    return root, environment


@GROUP.case(by_turns=False)
def _a_checkout_brings_a_pth_after_trust(stage: Stage) -> None:
    root, environment = _with_branch(stage)
    stage.visit(root, environment)
    git(root, "checkout", "-q", "other")
    stage.visit(root, None)


@GROUP.case(by_turns=False)
def _a_checkout_brings_a_pth_while_active(stage: Stage) -> None:
    root, environment = _with_branch(stage)
    stage.cd(root)
    stage.expect(environment)
    git(root, "checkout", "-q", "other")
    stage.prompt()
    stage.expect(None, 1)
    git(root, "checkout", "-q", "main")
    stage.prompt()
    stage.expect(environment, 0)
    stage.leave()


@GROUP.case(by_turns=False)
def _a_checkout_brings_a_pth_behind_a_link_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    (environment / "lib").rename(root / "library")
    (environment / "lib").symlink_to("../library")
    (root / ".gitignore").write_text(".venv\nlibrary\n")
    git(root, "add", ".gitignore")
    stage.cd(root)
    stage.expect(environment)
    evil = site_packages(environment) / "zz-from-git.pth"
    evil.write_text("import os\n")
    git(root, "add", "-f", str(evil.resolve()))
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


@GROUP.case(by_turns=False)
def _a_checkout_brings_a_pth_seen_from_below(stage: Stage) -> None:
    root, environment = _with_branch(stage)
    (root / "below").mkdir()
    stage.cd(root / "below")
    stage.expect(environment)
    git(root, "checkout", "-q", "other")
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


@GROUP.case(by_turns=False)
def _a_repository_appears_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    stage.cd(environment.parent)
    stage.expect(environment)
    stage.build.repository(environment.parent)
    git(environment.parent, "add", "-f", ".venv")
    # Making a repository is the user's own doing; what is seen later is enough.
    stage.leave()
    stage.cd(environment.parent)
    stage.visit_as_seen(environment.parent, environment)


@GROUP.case(by_turns=False)
def _the_index_goes_while_active(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    stage.cd(root)
    stage.expect(environment)
    (root / ".git/index").unlink()
    stage.prompt()
    stage.expect(None, 1)
    stage.leave()


# ---- Archives ------------------------------------------------------------------------------------


def _unpack_tar(archive: Path, to: Path) -> None:
    subprocess.run(["tar", "-x", "-f", archive, "-C", to], check=True)


def _unpack_tar_without_times(archive: Path, to: Path) -> None:
    subprocess.run(["tar", "-x", "-m", "-f", archive, "-C", to], check=True)


def _archived(unpack: Callable[[Path, Path], None]) -> Callable[[Stage], None]:
    """Return the case of a stranger's environment in a tar file, made for where it is unpacked."""

    def act(stage: Stage) -> None:
        environment = stage.build.foreign()
        archive = stage.home / "app.tar"
        with tarfile.open(archive, "w") as file:
            # As no honest archive has it: what is looked at last comes first.
            for entry in sorted(everything(environment.parent), reverse=True):
                name = os.fspath(entry.relative_to(stage.home))
                file.add(entry, name, recursive=False)
        shutil.rmtree(environment.parent)
        unpack(archive, stage.home)
        stage.visit(environment.parent, None)

    return act


GROUP.add("tar", _archived(_unpack_tar))
GROUP.add("tar without times", _archived(_unpack_tar_without_times))


@GROUP.case
def _zip(stage: Stage) -> None:
    environment = stage.build.foreign()
    archive = stage.home / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for entry in everything(environment.parent):
            if entry.is_file():
                file.write(entry, entry.relative_to(stage.home))
    shutil.rmtree(environment.parent)
    with zipfile.ZipFile(archive) as file:
        file.extractall(stage.home)
    for entry in (environment / "bin").iterdir():
        entry.chmod(0o755)
    stage.visit(environment.parent, None)


@GROUP.case
def _copied(stage: Stage) -> None:
    source = stage.build.own("source").parent
    shutil.copytree(source, stage.home / "app", symlinks=True)
    stage.visit(stage.home / "app", None)


@GROUP.case
def _copied_to_where_it_was_made(stage: Stage) -> None:
    environment = stage.build.own()
    shutil.copytree(environment.parent, stage.home / "copy", symlinks=True)
    shutil.rmtree(environment.parent)
    shutil.copytree(stage.home / "copy", environment.parent, symlinks=True)
    stage.visit(environment.parent, None)


@GROUP.case
def _moved(stage: Stage) -> None:
    source = stage.build.own("source").parent
    stage.visit(source.rename(stage.home / "app"), None)


@GROUP.case
def _a_program_that_was_there_before(stage: Stage) -> None:
    # The archive brings .venv/bin/ls only, and the user then makes the environment.
    root = stage.build.project()
    program = stage.build.program(root / ".venv/bin/ls")
    date(program, LONG_AGO)
    stage.build.genuine(root / ".venv")
    stage.visit(root, None)


@GROUP.case
def _a_pth_that_was_there_before(stage: Stage) -> None:
    root = stage.build.project()
    for version in ("3.11", "3.12", "3.13", "3.14"):
        packages = root / f".venv/lib/python{version}/site-packages"
        stage.build.module(packages / "first.pth", "first.pth")
    stage.build.genuine(root / ".venv")
    stage.visit(root, None)


@GROUP.case
def _a_link_to_libraries_that_was_there_before(stage: Stage) -> None:
    # The archive of a clone: the link is ignored, and git may later bring a .pth to its end.
    root = stage.build.project()
    (root / "payload/lib").mkdir(parents=True)
    (root / ".venv").mkdir()
    (root / ".venv/lib").symlink_to("../payload/lib")
    stage.build.genuine(root / ".venv")
    stage.visit(root, None)


@GROUP.case
def _one_s_own_whose_libraries_lie_in_what_git_tracks(stage: Stage) -> None:
    environment = stage.build.own()
    root = stage.build.repository(environment.parent)
    (root / "payload").mkdir()
    (environment / "lib").rename(root / "payload/lib")
    (environment / "lib").symlink_to("../payload/lib")
    (root / "payload/lib/README").touch()
    git(root, "add", "-f", "payload/lib/README")
    stage.visit(root, None)


@GROUP.case
def _an_archive_over_one_s_own(stage: Stage) -> None:
    environment = stage.build.own()
    evil = stage.build.delivered(stage.home / "evil", environment)
    with tarfile.open(stage.home / "over.tar", "w") as file:
        file.add(evil, "app/.venv")
    _unpack_tar(stage.home / "over.tar", stage.home)
    stage.visit(environment.parent, None)


@GROUP.case
def _a_token_in_the_archive(stage: Stage) -> None:
    environment = stage.build.foreign()
    (environment / ".venvhook").write_text("0" * 32 + "\n")
    (environment / ".venvhook").chmod(0o600)
    stage.visit(environment.parent, None)
