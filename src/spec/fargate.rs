//! Fargate's sizes, from the ECS developer guide, “Task CPU and memory” of the Fargate task definition parameters.

/// CPU units, and the memory that goes with them in MiB: the least, the most, and the step between. 256 CPU units are
/// the exception: 512, 1024 and 2048 MiB, and nothing between.
const SIZES: &[(u32, u32, u32, u32)] = &[
    (256, 512, 2_048, 0),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// The memory sizes, in MiB, that go with so many CPU units; none if Fargate has no such size.
pub(super) fn memory_sizes(cpu: u32) -> Vec<u32> {
    match SIZES.iter().find(|size| size.0 == cpu) {
        Some((_, least, most, 0)) => vec![*least, 2 * least, *most],
        Some((_, least, most, step)) => (*least..=*most).step_by(*step as usize).collect(),
        None => Vec::new(),
    }
}

/// The smallest CPU size of at least so many units; the largest if there is none.
pub(super) fn nearest_cpu(cpu: u32) -> u32 {
    SIZES.iter().map(|size| size.0).find(|units| *units >= cpu).unwrap_or(16_384)
}

/// What is allowed with a CPU size, for people.
pub(super) fn allowed(cpu: u32) -> String {
    match SIZES.iter().find(|size| size.0 == cpu) {
        Some((_, least, most, 0)) => format!("{least}, {} or {most}", 2 * least),
        Some((_, least, most, step)) => format!("{least} to {most} in steps of {step}"),
        None => String::new(),
    }
}

/// How a pair that does not go together can be mended.
pub(super) fn mend(cpu: u32, memory_mib: u32) -> String {
    let fitting = SIZES.iter().map(|size| size.0).find(|units| memory_sizes(*units).contains(&memory_mib));
    if let Some(fitting) = fitting {
        return format!("{fitting} CPU units is the smallest size with {memory_mib} MiB");
    }
    let sizes = memory_sizes(cpu);
    match sizes.iter().find(|size| **size >= memory_mib).or(sizes.last()) {
        Some(nearest) => format!("{nearest} MiB is the nearest with {cpu} CPU units"),
        None => "512 MiB is the smallest size, 122880 MiB the largest".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_fargates() {
        assert_eq!(memory_sizes(256), [512, 1_024, 2_048]);
        assert_eq!(memory_sizes(512), [1_024, 2_048, 3_072, 4_096]);
        assert_eq!(memory_sizes(4_096).len(), 23);
        assert_eq!(memory_sizes(8_192).len(), 12);
        assert_eq!(memory_sizes(16_384).last(), Some(&122_880));
        assert!(memory_sizes(300).is_empty());
    }

    #[test]
    fn every_size_of_the_table_fits_itself_and_has_a_mend() {
        for (cpu, ..) in SIZES {
            assert_eq!(nearest_cpu(*cpu), *cpu);
            assert!(memory_sizes(*cpu).iter().all(|memory| mend(*cpu, *memory).ends_with("MiB")));
        }
        assert_eq!(mend(256, 30_720), "4096 CPU units is the smallest size with 30720 MiB");
        assert_eq!(mend(512, 1_500), "2048 MiB is the nearest with 512 CPU units");
    }
}
