import pytest

from mka.errors import BadInput
from mka.evaluation.disjoint import check_disjoint
from mka.objects.plan import MergePlan, Provenance
from mka.objects.texts import text_hash
from tests.evaluation.doubles import question, question_set, text_set


def plan_from(*texts: str) -> MergePlan:
    return MergePlan(4, provenance=Provenance(text_hashes=tuple(text_hash(text) for text in texts)))


def test_other_texts_pass():
    check_disjoint(plan_from("one", "two"), text_set("three"), question_set(question("four", 0)))
    check_disjoint(plan_from("one"), None, None)
    check_disjoint(MergePlan(4), text_set("one"), None)


def test_a_shared_text_is_refused_whatever_its_white_space():
    with pytest.raises(BadInput, match="1 of the texts of this evaluation also calibrated the plan"):
        check_disjoint(plan_from("one  text", "two"), text_set("one text\n", "three"), None)


@pytest.mark.parametrize(
    "form",
    [
        "stem:",
        "stem: cd",
        "stem:\nA. ab\nB. cd\nC. ef\nD. gh\nAnswer:",
        "stem:\nA. ab\nB. cd\nC. ef\nD. gh\nAnswer: B",
    ],
)
def test_a_calibrated_question_is_found_in_every_form(form):
    with pytest.raises(BadInput, match="1 of the 2 questions"):
        check_disjoint(plan_from(form), None, question_set(question("stem:", 1), question("other", 0)))


def test_exemplars_may_be_shared():
    check_disjoint(plan_from("stem"), None, question_set(question("other", 0), exemplars=(question("stem", 0),)))
