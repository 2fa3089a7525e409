import re

import pytest

from drivers.scales import MODELS

# A number of the menu means another output on another indicator: only those that the model's own manual states.
OUTPUTS = {
    "yaohua-a9": {"tF=0"},
    "yaohua-a9-command": {"tF=3"},
    "yaohua-a23p": {"tF=0"},
    "yaohua-a23p-command": {"tF=1"},
    "yaohua-a26-tf1": {"tF=1"},
    "yaohua-a26-tf2": {"tF=2"},
}


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row.id)
def test_a_row_names_no_output_number_of_another_model(row):
    assert set(re.findall(r"tF=\d", row.name)) == OUTPUTS.get(row.id, set())


def test_the_a23p_has_numbers_of_its_own():
    rows = {row.id: row.format for row in MODELS}
    assert rows["yaohua-a23p"] == "yaohua_tf0" and rows["yaohua-a23p-command"] == "yaohua_command"
