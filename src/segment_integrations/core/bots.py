"""Tells a program's `User-Agent` from a person's browser."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# What crawlers, previews, monitors and HTTP libraries call themselves. The words stand
# where no browser has them; "cubot" is a telephone.
_WORDS: Final = re.compile(
    r"(?<!cu)bot(?:\b|_)|crawl|spider|slurp|scrap(?:er|y)|archiver|indexer"
    r"|facebookexternalhit|facebookcatalog|whatsapp/|embedly|skypeuripreview"
    r"|mediapartners|adsbot|feedfetcher|feedburner|bingpreview|google-inspectiontool"
    r"|google-read-aloud|googleother|chrome-lighthouse|lighthouse|pagespeed|gtmetrix"
    r"|apis-google|chatgpt-user|externalagent|health-?check|prometheus/"
    r"|pingdom|uptime|statuscake|site24x7|newrelic|datadog|zabbix|nagios|check_http"
    r"|kube-probe|googlehc|consul health|haproxy|varnish|envoy/hc"
    r"|curl/|wget/|libwww|httpie|python-(?:requests|urllib|httpx)|aiohttp/|urllib3/"
    r"|go-http-client|okhttp/|java/|apache-httpclient|axios/|node-fetch|undici|got \("
    r"|ruby|perl|php/|guzzlehttp|postmanruntime|insomnia/|phantomjs|w3c_validator"
    r"|scanner|nuclei|nikto|sqlmap|nmap|masscan|zgrab|censys|expanse|probe\b|monitor",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def is_bot(user_agent: str) -> bool:
    """
    True for a known program, and for no user agent at all.

    Args:
        user_agent: The header, cut to a bound before: the answers are cached.
    """
    return not user_agent.strip() or _WORDS.search(user_agent) is not None
