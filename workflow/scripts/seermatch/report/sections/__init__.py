"""The sections of the report, one module each.

A module gives one function, `section`, which takes the results and gives the section, or None where
the study has nothing for it; `seermatch.report.page.SECTIONS` lists them in their order.
"""
