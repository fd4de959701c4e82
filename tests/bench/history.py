"""Generated history, written straight into the database: the counters of the largest possible site (history.sql), and the visits of a
site of a usual size (visits.sql)."""

import pathlib

VISITS = pathlib.Path(__file__).with_name("visits.sql")
SCRIPT = pathlib.Path(__file__).with_name("history.sql")
LISTS = "{1,2,3,4,5,6,7,8,11,12,13,14,15,100}"  # The numbers of `Dimension` in handler/src/domain/dimension.rs …
WITHOUT_VISITORS = "{14,15,100}"  # … and those whose values have no visitors.
ONE_IN = 20  # The share of values that exist on one day only.


def write(postgres, sites, days, values, one_in=ONE_IN):
    """Writes lists with this many values for sites, by their names, for a number of days until today.

    The value of place n has an n-th of the views of the first. One in so many values exists on one day only; with 0, none.
    """
    postgres.run(
        SCRIPT,
        sites=",".join(sites),
        days=days,
        values=values,
        changing=values // one_in if one_in else 0,
        lists=LISTS,
        without_visitors=WITHOUT_VISITORS,
    )


def write_visits(postgres, site, days, visitors):
    """Writes tallies and cells of a site with this many visitors a day, for a number of days until today. Maintenance packs the cells."""
    postgres.run(VISITS, site=site, days=days, visitors=visitors)
