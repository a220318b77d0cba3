"""Make the students' notebooks from their sources: what `make exercises` does.

A source holds the solutions between `### BEGIN SOLUTION` and `### END SOLUTION` (nbgrader's marks). In a function they
become `raise NotImplementedError`, elsewhere each name that is set there becomes `name = ...`. Cells tagged
`solution-only` are left out, and so are all outputs.
"""

import ast
import re
import textwrap
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION$", re.MULTILINE | re.DOTALL)


def blank(match: re.Match) -> str:
    """What a student sees in place of one solution."""
    indent, solution = match.groups()
    if indent:
        return f"{indent}# YOUR CODE HERE\n{indent}raise NotImplementedError"
    statements = ast.parse(textwrap.dedent(solution)).body
    targets = [target for line in statements if isinstance(line, ast.Assign) for target in line.targets]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    if not names:
        raise ValueError(f"a solution outside of a function must set the names that are asked for: {solution!r}")
    return "\n".join(f"{name} = ...  # YOUR ANSWER HERE" for name in dict.fromkeys(names))


def student_version(source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without its solutions and outputs.

    Raises:
        ValueError: if the marks of a cell don't pair, or a solution outside of a function sets no name.
    """
    cells = []
    for cell in source.cells:
        if "solution-only" in cell.metadata.get("tags", []):
            continue
        cell = nbformat.from_dict(cell)
        if cell.cell_type == "code":
            cell.source = SOLUTION.sub(blank, cell.source)
            cell.outputs, cell.execution_count = [], None
        if "### BEGIN SOLUTION" in cell.source or "### END SOLUTION" in cell.source:
            raise ValueError(f"the marks of a solution don't pair in cell {cell.id}")
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def main() -> None:
    for path in sorted((HERE / "source").glob("*.ipynb")):
        nbformat.write(student_version(nbformat.read(path, as_version=4)), HERE / path.name)
        print(HERE.name + "/" + path.name)


if __name__ == "__main__":
    main()
