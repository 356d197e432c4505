"""The page of a finished run: what it says, that it loads nothing, and what has no page."""

import json
import shlex
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from theory import MLP, Linear
from verify import cli, compare_law, monte_carlo
from verify.claims.record import CheckRecord, read_record
from verify.comparison.compare import comparison_record
from verify.comparison.record import RunRecord, json_text
from verify.comparison.verdict_in_words import conclusion
from verify.inference.numbers_in_text import PAGE
from verify.inference.verdict import Want
from verify.jobs.folder import RESULTS
from verify.report.page import PAGE_FILE, page_text
from verify.report.reproduction import cell_code, command, kept_job
from verify.runs.configuration import configuration

SMALL = ["--width", "16", "32", "--depth", "1", "2", "--samples", "2000"]
FIGURES = ("rates", "deviations", "typical")
VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """A page's elements, whether they are closed, its names, addresses and words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.names.append(str(value))
            elif name in ("href", "src", "srcset", "xlink:href", "action", "data"):
                self.addresses.append(str(value))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(folder: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """Make a run, then its page: its record and the page's text."""
    cli.main([*arguments, "--out", str(folder)])
    assert cli.main(["--report", str(folder)]) == 0
    record = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    return record, (folder / PAGE_FILE).read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def _no_pictures_in_folders() -> Iterator[None]:
    """A page draws its own figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("verify.jobs.job.write_pictures", lambda *_: None)
        yield


@pytest.fixture
def words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without figures."""
    monkeypatch.setattr("verify.report.page._figures", lambda *_: dict.fromkeys(FIGURES))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("run") / "run"
    return (folder, *report(folder, *SMALL, "--seed", "7"))


@pytest.mark.slow
def test_the_page_is_whole_and_loads_nothing(run: tuple[Path, dict[str, Any], str]) -> None:
    page = Page(run[2])
    assert len(set(page.names)) == len(page.names)
    inside = {f"#{name}" for name in page.names}
    assert {each for each in page.addresses if each != "data:,"} <= inside
    assert "@import" not in run[2]
    assert "url(http" not in run[2]
    assert "default-src 'none'" in run[2]


@pytest.mark.slow
def test_the_page_says_what_was_measured(run: tuple[Path, dict[str, Any], str]) -> None:
    _, record, html = run
    text = Page(html).text
    assert "consistent" in text
    worst = record["cells"][record["worst_cell"]]
    place = f"width {worst['width']}, depth {worst['depth']}, layer {worst['layer']}, gram"
    assert f"z = {worst['z']:+.2f} at ({place})".replace("-", "−") in text
    assert f"{worst['z']:+.2f}".replace("-", "−") in text
    for cell in record["cells"]:
        assert str(cell["seed"]) in text
        assert f"{cell['measured']['total']['median']:.4g}"[:4] in text
    for name, version in record["versions"].items():
        assert f"{name} {version}" in text
    assert "python -m verify --width 16 32 --depth 1 2 --samples 2000 --seed 7" in text


@pytest.mark.slow
def test_a_record_is_read_back_as_it_was_written(
    run: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    formula = tmp_path / "run"
    sizes = ["--width", "16", "--depth", "2", "--samples", "500"]
    cli.main(["--formula", "L**3/2", "--claim", "leading", *sizes, "--out", str(formula)])
    for folder in (run[0], formula):
        assert json_text(record_of(folder)) == (folder / RESULTS).read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_cell_that_contradicts_its_configuration_has_no_page(
    run: tuple[Path, dict[str, Any], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("width", 17), ("depth", 3), ("layer", 2), ("sampler", "Dense()")):
        record = json.loads(json.dumps(run[1]))
        record["cells"][0][name] = value
        (tmp_path / RESULTS).write_text(json.dumps(record), encoding="utf-8")
        refused(tmp_path, capsys)


@pytest.mark.slow
def test_the_same_run_gives_the_same_page(run: tuple[Path, dict[str, Any], str]) -> None:
    folder, _, html = run
    assert cli.main(["--report", str(folder)]) == 0
    assert (folder / PAGE_FILE).read_text(encoding="utf-8") == html


@pytest.mark.slow
def test_formulas_are_mathml_of_the_core(run: tuple[Path, dict[str, Any], str]) -> None:
    core = {"math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "msqrt", "msup", "msub"}
    pieces = run[2].split("<math ")[1:]
    assert len(pieces) == 10
    for piece in pieces:
        root = ElementTree.fromstring("<math " + piece.split("</math>")[0] + "</math>")
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= core


@pytest.mark.slow
@pytest.mark.usefixtures("words_alone")
def test_a_formula_has_its_verdict_its_counterexample_and_what_is_off(tmp_path: Path) -> None:
    sizes = ["--width", "1000000", "--depth", "64", "--samples", "500"]
    record, html = report(tmp_path / "run", "--formula", "L**3/2", "--claim", "leading", *sizes)
    text = Page(html).text
    for words in (
        "The formula is wrong",
        "L**3/2",
        "it is 3/2 times the law",
        "At L = 1, leading terms:",
        "The formula 1/2 The law 1/3",
        shlex.join(["python", "-m", "verify", "--formula", "L**3/2", "--claim", "leading"]),
        "--width 1000000 --depth 64 --samples 500",
    ):
        assert words in text
    assert record["networks"] is not None


def test_terms_of_the_two_parts_have_names_of_their_own() -> None:
    from verify.report.formulas import formulas

    left = [str(row).partition("<mo>&#x0003D;</mo>")[0] for row in formulas().exact]
    names = [each[-10:] for each in left if each.endswith("</mi>")]
    assert names == [f"<mi>{letter}</mi>" for letter in "ABCD"]


@pytest.mark.slow
def test_networks_of_several_kinds_are_named_in_both_tables() -> None:
    networks = [MLP(8, 2), MLP(8, 2, activation=Linear()), MLP((8, 16), weight_variance=1)]
    record = comparison_record(compare_law(networks=networks, samples=1000, seed=1))
    read = Page(page_text(record))
    for name in ("slope=1", "widths=(8, 16)"):
        assert read.text.count(name) == 2, name
    plain = comparison_record(compare_law(networks=networks[:1], samples=1000, seed=1))
    assert page_text(plain).count('<th scope="col">network</th>') == 1, "of the seeds alone"


@pytest.mark.slow
def test_what_is_undefined_says_so(tmp_path: Path) -> None:
    _, html = report(tmp_path / "run", "--width", "16", "--depth", "2", "--samples", "1")
    text = Page(html).text
    assert "undecided" in text
    assert text.count("undefined") >= 3
    assert "nan" not in text.lower().split()


@pytest.mark.usefixtures("words_alone")
def test_text_of_a_record_is_never_markup(run: tuple[Path, dict[str, Any], str]) -> None:
    from verify.report import page

    _, record, _ = run
    hostile = json.loads(json.dumps(record))
    hostile["versions"]["python"] = "<script>alert(1)</script>"
    hostile["platform"]["system"] = "</script><img src=x>"
    html = page.page_text(read_record(json.dumps(hostile)))
    Page(html)
    assert "<script>alert" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record.pop("cells"),
        lambda record: record.update(outcome="fine"),
        lambda record: record.update(cells=3),
        lambda record: record["cells"][0].update(width="wide"),
        lambda record: record["cells"][0]["measured"].pop("total"),
        lambda record: record.update(worst_cell=99),
        lambda record: record["cells"][0].update(width=0),
    ],
)
def test_what_is_no_record_has_no_page(
    run: tuple[Path, dict[str, Any], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Any], Any],
) -> None:
    record = json.loads(json.dumps(run[1]))
    spoil(record)
    (tmp_path / RESULTS).write_text(json.dumps(record), encoding="utf-8")
    refused(tmp_path, capsys)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "3", '{"seed": NaN}', "{}"])
def test_a_folder_without_a_run_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    if text is not None:
        (tmp_path / RESULTS).write_text(text, encoding="utf-8")
    refused(tmp_path, capsys)
    assert cli.main(["--report", str(tmp_path / "nowhere")]) == 2


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No page, one sentence, code 2."""
    (folder / PAGE_FILE).write_text("old", encoding="utf-8")
    before = sorted(folder.iterdir())
    assert cli.main(["--report", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert f"report={str(folder)!r}" in err
    assert sorted(folder.iterdir()) == before
    assert (folder / PAGE_FILE).read_text(encoding="utf-8") == "old"


@pytest.mark.slow
def test_an_older_page_stays_where_the_new_one_cannot_be_put(
    run: tuple[Path, dict[str, Any], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("verify.jobs.folder.os.replace", full)
    before = sorted(run[0].iterdir())
    assert cli.main(["--report", str(run[0])]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert sorted(run[0].iterdir()) == before
    assert (run[0] / PAGE_FILE).read_text(encoding="utf-8") == run[2]


def test_other_options_with_report_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--report", str(tmp_path), "--width", "16"]) == 2
    assert "width=[16]" in capsys.readouterr().err
    assert cli.main(["--report", str(tmp_path), "--parquet"]) == 2
    assert "parquet=True" in capsys.readouterr().err


@pytest.mark.wide
@pytest.mark.parametrize(
    "arguments",
    [
        ["--width", "8", "16", "--depth", "1", "--samples", "300"],
        ["--width", "8", "--depth", "2", "3", "--samples", "300", "--layer", "1"],
        ["--width", "16", "--depth", "1", "--samples", "64", "--step", "0.001", "--seed", "9"],
        ["--width", "8", "--depth", "2", "--sampler", "dense", "--samples", "64"],
    ],
)
def test_the_command_and_the_code_repeat_the_run(tmp_path: Path, arguments: list[str]) -> None:
    cli.main([*arguments, "--out", str(tmp_path / "one")])
    run = read(tmp_path / "one")
    given = shlex.split(str(command(run)))[3:]
    cli.main([*given, "--out", str(tmp_path / "two")])
    again = read(tmp_path / "two")
    assert (again.cells, again.step, again.seed) == (run.cells, run.step, run.seed)
    space: dict[str, Any] = {"monte_carlo": monte_carlo}
    code = cell_code(run.cells[0], run.step)
    exec(code.replace("\nmonte_carlo(", "\nfound = monte_carlo("), space)
    assert float(space["found"].total.log_mean) == run.cells[0].total.log_mean


SAID = {
    "a formula on its default grid": ["--formula", "L**3/3", "--claim", "leading"],
    "a formula in ell": ["--formula", "eta**2*ell**3/3", "--claim", "leading"],
    "a formula that begins with a minus": ["--formula=-L + 2*L**3", "--claim", "leading"],
    "a formula with everything": [
        *("--formula", "sqrt(3)/L**1.5", "--claim", "exact", "--quantity", "rate"),
        *("--width", "8", "16", "--depth", "2", "--seed", "7", "--sampler", "conditioned"),
    ],
    "a layer": ["--formula", "L**3/3", "--layer", "1", "--width", "8", "--depth", "2", "3"],
}


@pytest.mark.slow
@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("kept", [True, False], ids=["with its folder", "from its record"])
def test_the_command_of_a_formula_repeats_its_networks(
    tmp_path: Path, said: str, kept: bool
) -> None:
    arguments = [*SAID[said], "--samples", "300"]
    cli.main([*arguments, "--out", str(tmp_path / "one")])
    run = record_of(tmp_path / "one")
    job = kept_job(tmp_path / "one", run) if kept else None
    assert (job is not None) == kept
    given = shlex.split(str(command(run, job)))[3:]
    if kept:
        assert sorted(given) == sorted(arguments)
    cli.main([*given, "--out", str(tmp_path / "two")])
    assert record_of(tmp_path / "two") == run


def test_a_formula_without_networks_is_asked_again_at_its_layer(tmp_path: Path) -> None:
    cli.main(["--formula=-L**3/3", "--layer", "1", "--out", str(tmp_path / "run")])
    run = record_of(tmp_path / "run")
    assert kept_job(tmp_path / "run", run) is None
    given = shlex.split(str(command(run)))[3:]
    assert given == [
        "--formula=-L**3/3",
        "--claim",
        "exact",
        "--quantity",
        "update",
        "--layer",
        "1",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("words_alone")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--formula", "L**3/3", "--precision", "0.05"],
        ["--width", "8", "16", "--depth", "2", "4", "--precision", "0.2", "--seed", "3"],
        ["--width", "16", "--depth", "2", "4", "--layer", "2", "--step", "1e-05"],
    ],
)
def test_the_page_says_what_the_run_was_asked_for(tmp_path: Path, arguments: list[str]) -> None:
    _, html = report(tmp_path / "run", *arguments)
    assert shlex.join(["python", "-m", "verify", *arguments]) in Page(html).text


def test_a_run_cut_short_is_not_said_to_be_repeated_by_its_command(
    run: tuple[Path, dict[str, Any], str],
) -> None:
    whole = read(run[0])
    assert kept_job(run[0], whole) is not None
    first, *rest = whole.cells
    less = replace(first, samples=first.samples - 1)
    short = replace(whole, cells=(less, *rest))
    assert kept_job(run[0], short) is None
    assert command(short) is None


def record_of(folder: Path) -> RunRecord | CheckRecord:
    return read_record((folder / RESULTS).read_text(encoding="utf-8"))


def read(folder: Path) -> RunRecord:
    run = record_of(folder)
    assert isinstance(run, RunRecord)
    return run


def test_the_default_grid_is_the_bare_command(run: tuple[Path, dict[str, Any], str]) -> None:
    from verify.jobs.plan import planned_parts

    model = read(run[0])
    cells = [
        replace(
            model.cells[0],
            width=int(network.widths[1]),
            depth=network.layers,
            layer=network.layers if network._is_chain else f"stream {network.layers}",
            sampler=repr(part.sampler),
            configuration=configuration(network, sampler=part.sampler).record,
            samples=part.planned_samples(network),
        )
        for part in planned_parts(None, None, None, None)
        for network in part.networks
    ]
    default = replace(model, cells=tuple(cells), seed="1")
    assert command(default) == "python -m verify"
    assert command(replace(default, seed="2")) == "python -m verify --seed 2"
    fewer = replace(default, cells=(replace(cells[0], samples=5), *cells[1:]))
    assert command(fewer) is None


def test_words_of_each_outcome(run: tuple[Path, dict[str, Any], str]) -> None:
    model = read(run[0])
    cell = replace(model.cells[0], z=5.0, undefined="a sample overflowed")

    def words(outcome: str, **rest: Any) -> str:
        fields = {"critical_z": 3.0, "noticed_relative_error": 0.2, "wanted_samples": (), **rest}
        return conclusion(replace(model, outcome=outcome, cells=(cell, cell), **fields), PAGE)

    assert "z = +5.00 at (width 16, depth 1, layer 1, gram)" in words("rejected", worst_cell=0)
    assert "where |z| = 3.00 would reject" in words("rejected", worst_cell=0)
    assert "20.0\u202f% in a single cell" in words("consistent", worst_cell=0)
    wants = {"worst_cell": 0, "wanted_samples": (Want(0, 58000),)}
    assert "58,000 samples" in words("undecided", **wants)
    assert "overflowed" in words("undecided", worst_cell=0, wanted_samples=(Want(0, None),))
    assert "no cell can decide" in words("undecided", worst_cell=None)


@pytest.mark.slow
@pytest.mark.usefixtures("words_alone")
def test_a_run_cut_short_and_real_steps_say_so(tmp_path: Path) -> None:
    cut = ["--width", "16", "--depth", "2", "--samples", "40000", "--minutes", "1e-9"]
    _, text = report(tmp_path / "cut", *cut)
    assert "The time limit ended the run after 8,192 of 40,000 networks." in Page(text).text
    step = ["--width", "16", "--depth", "2", "--samples", "300", "--step", "0.001"]
    _, text = report(tmp_path / "step", *step)
    assert "beyond the 2 % by which a real step may differ" in Page(text).text
    assert "The time limit" not in text
