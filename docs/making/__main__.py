"""Writes every reference anew, from what the code declares: `python -m docs.making`."""

from docs.making import audit, keys, metrics

MADE = (keys, metrics, audit)

if __name__ == "__main__":
    for each in MADE:
        each.PAGE.write_text(each.page())
