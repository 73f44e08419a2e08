//! The deployment circuit breaker's threshold.

use super::shapes::CircuitBreaker;

/// How many task failures a deployment of `desired` tasks survives: half of them, at least 3 and at most 200, unless the
/// service says otherwise (ECS developer guide, "How the Amazon ECS deployment circuit breaker detects failures").
pub(super) fn threshold(breaker: &CircuitBreaker, desired: u32) -> u32 {
    let threshold = breaker.threshold_configuration.clone().unwrap_or_default();
    let part = (u64::from(desired) * u64::from(threshold.value)).div_ceil(100).min(u64::from(u32::MAX)) as u32;
    match threshold.kind.as_str() {
        "COUNT" => threshold.value,
        "UNBOUNDED_PERCENT" => part,
        _ => part.clamp(3, 200),
    }
}

#[cfg(test)]
mod tests {
    use super::super::shapes::Threshold;
    use super::*;

    #[test]
    fn half_of_the_tasks_between_three_and_two_hundred() {
        let breaker = CircuitBreaker::default();
        let thresholds = [1, 5, 25, 400, 1000].map(|desired| threshold(&breaker, desired));
        assert_eq!(thresholds, [3, 3, 13, 200, 200]);
    }

    #[test]
    fn a_service_may_set_its_own() {
        let with = |kind: &str, value| CircuitBreaker {
            threshold_configuration: Some(Threshold { kind: kind.to_owned(), value }),
            ..CircuitBreaker::default()
        };
        assert_eq!(threshold(&with("COUNT", 1), 400), 1);
        assert_eq!(threshold(&with("UNBOUNDED_PERCENT", 100), 400), 400);
    }
}
