//! `Sforce-Limit-Info`: how many API requests the organisation has used today.

/// Requests used and allowed within 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub used: u32,
    pub max: u32,
}

impl Usage {
    /// Reads `api-usage=18/5000` with whatever follows after a semicolon.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let part = header
            .split(';')
            .find_map(|part| part.trim().strip_prefix("api-usage="))?;
        let (used, max) = part.split_once('/')?;
        Some(Self {
            used: used.trim().parse().ok()?,
            max: max.trim().parse().ok().filter(|max| *max > 0)?,
        })
    }

    /// Whether `percent` of the allowance is used up.
    pub(crate) fn reaches(self, percent: u8) -> bool {
        u64::from(self.used) * 100 >= u64::from(self.max) * u64::from(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn both_forms_are_read_and_nonsense_is_not() {
        let usage = |used, max| Some(Usage { used, max });
        assert_eq!(Usage::parse("api-usage=18/5000"), usage(18, 5000));
        let per_app = "api-usage=25/5000; per-app-api-usage=17/250(appName=sample)";
        assert_eq!(Usage::parse(per_app), usage(25, 5000));
        for header in [
            "",
            "per-app-api-usage=17/250(appName=x)",
            "api-usage=1",
            "api-usage=1/0",
            "api-usage=-1/5",
        ] {
            assert_eq!(Usage::parse(header), None, "{header}");
        }
    }

    #[test]
    fn the_budget_is_reached_at_its_percentage_not_before() {
        assert!(
            !Usage {
                used: 3999,
                max: 5000
            }
            .reaches(80)
        );
        assert!(
            Usage {
                used: 4000,
                max: 5000
            }
            .reaches(80)
        );
        assert!(
            Usage {
                used: u32::MAX,
                max: u32::MAX
            }
            .reaches(100)
        );
    }
}
