"""Search in Chinese without a dictionary; with Sphinx 9.0's own way nothing is found."""

import re

from sphinx.search.en import SearchEnglish

HAN = "\u3400-\u9fff"


class TraditionalChinese(SearchEnglish):
    """Latin words as in English; of Chinese each character, and each with the one after it.

    A query is cut into pairs, so that it is found wherever its characters stand side by side.
    """

    lang = "zh"
    js_splitter_code = f"""
function splitQuery(query) {{
  const pairs = (run) => run.length < 2 ? [run]
    : Array.from({{ length: run.length - 1 }}, (_, place) => run.slice(place, place + 2));
  return (query.match(/[{HAN}]+|[\\p{{Letter}}\\p{{Number}}_]+/gu) ?? [])
    .flatMap((run) => /[{HAN}]/.test(run) ? pairs(run) : [run]);
}}
"""

    def split(self, input):
        """Cut a text into what can be searched."""
        terms = []
        for run in re.findall(f"[{HAN}]+|[^\\W{HAN}]+", input):
            if re.match(f"[{HAN}]", run):
                terms += [*run, *(run[place : place + 2] for place in range(len(run) - 1))]
            else:
                terms.append(run)
        return terms
