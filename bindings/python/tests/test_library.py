# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Where the library is found, and what is said if it is not."""

import os
import subprocess
import sys
import tempfile
import unittest
import venv
from pathlib import Path
from typing import Dict, Optional

import zgossip
from common import LONG
from zgossip import _library

#: A library of this name is nowhere, whatever is installed here.
ABSENT = "libzgossip-absent.so.1"
ABSENT_NAME = f"import zgossip._library as l; l._NAME = '{ABSENT}'; l.ctypes.util.find_library = lambda _: None\n"
VERSION = "print(l.library_version(), l.library().path)\n"


class Found(unittest.TestCase):
    def setUp(self) -> None:
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        # As the loader has it, which may have found it by its name alone.
        with open("/proc/self/maps") as maps:
            zgossip.library_version()
            self.library = next(line.split()[-1] for line in maps if "/libzgossip" in line)

    def run_python(self, program: str, python: str = sys.executable, library: Optional[str] = None) -> str:
        environment: Dict[str, str] = {**os.environ, "PYTHONPATH": str(Path(zgossip.__file__).parent.parent)}
        environment.pop("ZGOSSIP_LIBRARY", None)
        if library:
            environment["ZGOSSIP_LIBRARY"] = library
        done = subprocess.run(
            [python, "-c", program],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONG,
        )
        return done.stdout

    def test_in_a_virtual_environment(self) -> None:
        environment = self.place / "environment"
        venv.create(environment, with_pip=False)
        installed = environment / "lib" / ABSENT
        installed.symlink_to(self.library)
        said = self.run_python(ABSENT_NAME + VERSION, python=str(environment / "bin" / "python"))
        self.assertEqual(said, f"{zgossip.library_version()} {installed}\n")

    def test_in_a_usual_place(self) -> None:
        self.assertIn("/usr/local/lib", _library.USUAL)
        installed = self.place / ABSENT
        installed.symlink_to(self.library)
        said = self.run_python(f"{ABSENT_NAME}l.USUAL = ['/nonexistent', '{self.place}']\n{VERSION}")
        self.assertEqual(said, f"{zgossip.library_version()} {installed}\n")

    def test_the_one_that_the_process_has(self) -> None:
        said = self.run_python(
            f"import ctypes; ctypes.CDLL('{self.library}')\n"
            f"import zgossip._library as l; l._NAME = '{self.library}'\n"
            "l._places = lambda: 1 / 0\n" + VERSION
        )
        self.assertEqual(said, f"{zgossip.library_version()} {self.library}\n")

    def test_the_message_says_where_it_was_looked_for(self) -> None:
        said = self.run_python(f"{ABSENT_NAME}import zgossip; zgossip.Node()")
        self.assertIn("zgossip._errors.LibraryNotFound: ", said)
        for place in ["LD_LIBRARY_PATH", f"/usr/local/lib/{ABSENT}: not there", f"{sys.prefix}/lib/{ABSENT}"]:
            self.assertIn(place, said)
        self.assertIn("ZGOSSIP_LIBRARY", said.splitlines()[-1])

    def test_the_message_says_what_is_wrong_with_the_chosen_one(self) -> None:
        broken = self.place / "broken.so"
        broken.write_bytes(b"no library")
        said = self.run_python("import zgossip; zgossip.Node()", library=str(broken))
        self.assertIn(f"{broken}: ", said)
        self.assertIn("file too short", said)
        said = self.run_python("import zgossip; zgossip.Node()", library="/nonexistent/lib.so")
        self.assertIn("/nonexistent/lib.so: not there (ZGOSSIP_LIBRARY)", said)


if __name__ == "__main__":
    unittest.main()
