"""The hosts of this folder, for its tests. SPDX-License-Identifier: Apache-2.0"""
import json
import pathlib
import subprocess
import tarfile


class Hosts:
    """Each folder with a file `arguments` is a host; a word @FILE there is a captured tree that the
    project does not carry, in ../shared/hosts."""

    def __init__(self, program, source, scratch):
        self.program, self.source, self.scratch = str(pathlib.Path(program).resolve()), pathlib.Path(source), pathlib.Path(scratch)
        self.folder = self.source / "tests/emit"

    def words(self, argument):
        """The arguments of a host; None where it is not to be had."""
        found = []
        for word in argument.split():
            if word.startswith("@"):
                archive = self.source.parent / "shared/hosts" / word[1:]
                if not archive.exists():
                    return None
                word = str(self.scratch / archive.name.split(".")[0])
                if not pathlib.Path(word).exists():
                    with tarfile.open(archive) as tar:
                        tar.extractall(word)
            found.append(word)
        return found

    def __iter__(self):
        """The folder and the arguments of each host that is to be had."""
        for place in sorted(self.folder.iterdir()):
            if (place / "arguments").exists():
                words = self.words((place / "arguments").read_text())
                if words is None:
                    print(f"{place.name}: left out, its tree is not here")
                else:
                    yield place, words

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments], cwd=self.source, capture_output=True, text=True, timeout=60)

    def forms(self):
        rows = json.loads(self.run("emit", "-o", "json").stdout)["formats"]
        return [(row["format"], form) for row in rows for form in row["forms"].split()]
