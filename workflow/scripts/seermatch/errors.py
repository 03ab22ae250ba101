"""The one exception that is meant for the person who runs the study."""


class StudyError(ValueError):
    """Something in the data or the configuration that its owner can mend.

    The message is one or two plain sentences: which file, column or value, and what to do.

    Examples
    --------
    >>> raise StudyError("age: no patient is left after the criterion 'female'.")
    Traceback (most recent call last):
    seermatch.errors.StudyError: age: no patient is left after the criterion 'female'.
    """
