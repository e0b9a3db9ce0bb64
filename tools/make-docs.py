#!/usr/bin/env python3
# Makes the manual pages and the completions from what the program says of itself: `make-docs.py HAPPYPATH OUT`.
# Every verb and option is said once, in the rows of cli/. SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import re
import subprocess
import sys

# What help does not say: per verb, sections for the manual.
MORE = {
    "check": """.SH EXIT STATUS
.TP
.B 0
a verdict was printed, whatever it says; with \\fB\\-\\-require\\fR: it is met
.TP
.B 1
the tool failed, or one of several hosts could not be read
.TP
.B 2
usage
.TP
.B 3
the requirement is not met
.TP
.B 4
the requirement is not met by what is known, but what is unknown could meet it
.SH EXAMPLES
.nf
happypath check
happypath check \\-\\-root /mnt/other \\-\\-level 0
happypath check \\-\\-facts ticket.json \\-o wide
happypath check \\-\\-assume gpu=10de:2330x8 \\-\\-assume vmm=cloud-hypervisor@53 \\-\\-assume driver=580
happypath check \\-\\-require qemu-vfio:whole,path=on
.fi
""",
    "surfaces": """.SH EXAMPLES
.nf
happypath surfaces
happypath surfaces \\-\\-as\\-of 2025-02-14 \\-\\-vendor nvidia
happypath surfaces \\-\\-changes\\-since 2025-02-14 \\-o json
.fi
""",
    "capture": """.SH NOTES
The file is text, to be read before it is given away. Serials, UUIDs, addresses, host names and arguments that are on no list
become placeholders from a keyed hash; the key stays on the host.
.SH EXAMPLES
.nf
happypath capture \\-o host.capture
happypath check \\-\\-capture host.capture
.fi
""",
    "apply": """.SH EXIT STATUS
.TP
.B 0
done, or everything was so already
.TP
.B 1
the tool failed: a plan that cannot be read, a transaction that was never ended (recover first)
.TP
.B 2
usage
.TP
.B 3
refused, nothing was changed: the plan is stale, somebody holds a device, or consent is wanting
.TP
.B 5
a step failed; everything is as it was
.TP
.B 6
a step failed, and not everything is as it was; \\fBhappypath recover\\fR
.TP
.B 7
done, reboot for it to take effect
.TP
.B 75
another happypath is changing this host, or the kernel still holds a write of one that was killed
.SH NOTES
Each step's state is read, its intent is written to the journal, it is written, read back, and noted as done. What fails is
walked back. Ctrl\\-C waits for the end: every write has its deadline.
.SH EXAMPLES
.nf
happypath plan \\-\\-to qemu\\-vfio \\-o json >plan.json
happypath apply \\-\\-dry\\-run plan.json
happypath apply \\-\\-yes plan.json
happypath undo
.fi
""",
    "undo": """.SH NOTES
Refused where a later transaction that stands changed one of its subjects, where somebody else changed a state since
(\\fB\\-\\-allow\\fR), or where a device is held. What fails on the way is walked forward again. Exit status as of apply.
""",
    "recover": """.SH NOTES
Every step that may have begun and whose transaction never came to an end is written back to what was before it.
happypath\\-recover.service runs it with \\fB\\-\\-boot\\fR. Exit status 0 once everything is put right, else as of apply.
""",
    "report": """.SH NOTES
The page fetches nothing, runs nothing, prints, and holds every finding with its evidence, what passed included; the
topology is drawn where Graphviz is installed. It and JUnit want libxml2.
.PP
JUnit has a suite a host and a case for each accelerator and surface. With \\fB\\-\\-require\\fR the required offers alone pass
or fail, and a suite fails exactly where the exit status is 3; without it what is in use passes if it is ready. What is
unknown is skipped, and so is what nobody asked for, with its verdict as the message.
.SH EXIT STATUS
As of check: 0, 3 and 4 answer \\fB\\-\\-require\\fR.
.SH EXAMPLES
.nf
happypath report >host.html
happypath report \\-\\-capture host.capture \\-\\-require qemu\\-vfio:whole >host.html
happypath report \\-o junit \\-\\-require container,path=on \\-\\-all >happypath.xml
.fi
""",
    "topology": """.SH NOTES
Each accelerator is coloured by its best offer: of the surfaces in use, else of the first nine on systems that are probed.
Functions that neither are nor accompany an accelerator, a NIC or an NVMe are counted, not shown (\\fB\\-\\-all\\fR shows them).
A device whose neighbours bypass the IOMMU is below a switch with a port that does not redirect requests (ACS), as the rule
peer\\-bypasses\\-iommu says. Which NVLink leads where is not among the facts, and not drawn.
\\fB\\-o svg\\fR wants Graphviz (libgvc); \\fB\\-o dot\\fR is its input and wants nothing.
.SH EXAMPLES
.nf
happypath topology
happypath topology \\-o svg >host.svg
happypath topology \\-\\-capture host.capture \\-\\-all \\-o csv
.fi
""",
    "diff": """.SH EXAMPLES
.nf
happypath diff monday.capture tuesday.capture
happypath diff monday.capture
.fi
BEFORE and AFTER are captures, facts files or root directories; without AFTER it is this host now.
""",
}

FILES = """.SH FILES
.TP
.I /usr/share/happypath/knowledge/knowledge.sqlite
the compiled knowledge
.TP
.I /etc/happypath/knowledge.d/
drop-ins that extend or replace it
.TP
.I /var/lib/happypath/journal/
what was applied, a file of JSON lines a transaction
.SH ENVIRONMENT
.TP
.B HAPPYPATH_STATE
a directory for journals and lock, in place of /var/lib/happypath and /run/lock
.TP
.B HAPPYPATH_KNOWLEDGE
the compiled knowledge to use
.TP
.B NO_COLOR
no colours
"""


def say(program, *words):
    environment = dict(os.environ, NO_COLOR="1", LC_ALL="C.UTF-8")
    return subprocess.run([program, *words], capture_output=True, text=True, check=True, env=environment).stdout


class Option:
    def __init__(self, letter, name, argument, text):
        self.letter, self.name, self.argument, self.text = letter, name, argument, text


class Verb:
    def __init__(self, program, name, summary):
        text = say(program, name, "--help")
        self.name, self.summary = name, summary
        self.synopsis = text.splitlines()[0]
        head, _, self.assumptions = text.partition("\nAssumptions (KEY=VALUE):\n")
        self.options = [Option(*found) for found in
                        re.findall(r"^  (?:-(\w), |    )--([\w-]+)(?: (\S+))?\n +(.*)$", head, re.M)]


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def page(verb, version):
    lines = [f'.TH HAPPYPATH\\-{verb.name.upper()} 1 "" "happypath {version}"', ".SH NAME",
             f"happypath\\-{verb.name} \\- {roff(verb.summary)}", ".SH SYNOPSIS", f".B {roff(verb.synopsis)}",
             ".SH OPTIONS"]
    for option in verb.options:
        letter = f"\\fB\\-{option.letter}\\fR, " if option.letter else ""
        argument = f" \\fI{roff(option.argument)}\\fR" if option.argument else ""
        lines += [".TP", f"{letter}\\fB\\-\\-{roff(option.name)}\\fR{argument}", roff(option.text)]
    if verb.assumptions:
        lines.append(".SH ASSUMPTIONS")
        for key, text in re.findall(r"^  (\S.*)\n {10}(.*)$", verb.assumptions, re.M):
            lines += [".TP", f".B {roff(key)}", roff(text)]
        lines += [".PP", roff(" ".join(re.findall(r"^\S.*$", verb.assumptions, re.M)))]
    return "\n".join(lines) + "\n" + MORE.get(verb.name, "") + FILES + ".SH SEE ALSO\n.BR happypath (1)\n"


def main_page(verbs, head, version):
    lines = [f'.TH HAPPYPATH 1 "" "happypath {version}"', ".SH NAME", "happypath \\- " + roff(head.rstrip(".")),
             ".SH SYNOPSIS", ".B happypath", "[\\fIVERB\\fR] [\\fIOPTION\\fR...]", ".SH VERBS",
             "Without a verb: check."]
    for verb in verbs:
        lines += [".TP", f".BR happypath\\-{verb.name} (1)", roff(verb.summary)]
    return "\n".join(lines) + "\n" + FILES


def choices(argument):
    return argument.split("|") if argument and re.fullmatch(r"[\w]+(\|[\w]+)+", argument) else []


def bash(verbs):
    cases, values = [], []
    for verb in verbs:
        words = " ".join(f"--{o.name}" for o in verb.options)
        cases.append(f"\t{verb.name}) words='{words}' ;;")
        for option in verb.options:
            names = f"{verb.name}:--{option.name}" + (f"|{verb.name}:-{option.letter}" if option.letter else "")
            if choices(option.argument):
                values.append(f"\t{names}) words='{' '.join(choices(option.argument))}' ;;")
            elif option.argument and re.search(r"FILE|DIR", option.argument):
                values.append(f"\t{names}) files=1 ;;")
            elif option.argument:
                values.append(f"\t{names}) return ;;")
    names = " ".join(v.name for v in verbs)
    return f"""# bash completion for happypath. Made by make-docs.py. SPDX-License-Identifier: Apache-2.0
_happypath()
{{
\tlocal current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} verb=${{COMP_WORDS[1]}} words= files=
\tCOMPREPLY=()
\tif [ "$COMP_CWORD" = 1 ] && [[ $current != -* ]]; then
\t\tCOMPREPLY=($(compgen -W '{names}' -- "$current"))
\t\treturn
\tfi
\t[[ $verb == -* ]] && verb={verbs[0].name}
\tcase $verb:$previous in
{chr(10).join(values)}
\tesac
\tif [ -n "$files" ]; then
\t\tCOMPREPLY=($(compgen -f -- "$current"))
\t\treturn
\tfi
\tif [ -z "$words" ]; then
\t\tcase $verb in
{chr(10).join(cases)}
\t\tesac
\tfi
\tCOMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _happypath happypath
"""


def fish(verbs):
    lines = ["# fish completion for happypath. Made by make-docs.py. SPDX-License-Identifier: Apache-2.0",
             "complete -c happypath -f"]
    quote = lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    for verb in verbs:
        lines.append(f"complete -c happypath -n __fish_use_subcommand -a {verb.name} -d {quote(verb.summary)}")
        for o in verb.options:
            condition = f"-n '__fish_seen_subcommand_from {verb.name}'"
            letter = f" -s {o.letter}" if o.letter else ""
            takes = ""
            if choices(o.argument):
                takes = f" -x -a '{' '.join(choices(o.argument))}'"
            elif o.argument:
                takes = " -r -F" if re.search(r"FILE|DIR", o.argument) else " -x"
            lines.append(f"complete -c happypath {condition} -l {o.name}{letter}{takes} -d {quote(o.text)}")
    return "\n".join(lines) + "\n"


def zsh(verbs):
    quote = lambda text: text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    lines = ["#compdef happypath", "# zsh completion for happypath. Made by make-docs.py. SPDX-License-Identifier: Apache-2.0",
             "local -a verbs", "verbs=("]
    lines += [f"\t'{v.name}:{quote(v.summary)}'" for v in verbs]
    lines += [")", "if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then", "\t_describe verb verbs", "\treturn", "fi",
              "case $words[2] in"]
    for verb in verbs:
        lines.append(f"{verb.name})")
        for o in verb.options:
            action = ""
            if choices(o.argument):
                action = f":{o.name}:({' '.join(choices(o.argument))})"
            elif o.argument:
                action = f":{o.name}:" + ("_files" if re.search(r"FILE|DIR", o.argument) else "")
            lines.append(f"\tset -- \"$@\" '--{o.name}[{quote(o.text)}]{action}'")
        lines += ["\t_arguments \"$@\" '*:file:_files'", "\t;;"]
    return "\n".join(lines + ["esac"]) + "\n"


def main():
    program, out = sys.argv[1], pathlib.Path(sys.argv[2])
    text = say(program, "--help")
    verbs = [Verb(program, *found) for found in re.findall(r"^  (\w+) +(.*)$", text, re.M)]
    version = say(program, "--version").split()[1]
    if not verbs or not all(verb.options for verb in verbs):
        sys.exit("help is not in the form that this program reads")
    (out / "happypath.1").write_text(main_page(verbs, text.splitlines()[0].replace("happypath ", "", 1), version))
    for verb in verbs:
        (out / f"happypath-{verb.name}.1").write_text(page(verb, version))
    (out / "happypath.bash").write_text(bash(verbs))
    (out / "happypath.fish").write_text(fish(verbs))
    (out / "_happypath").write_text(zsh(verbs))


if __name__ == "__main__":
    main()
