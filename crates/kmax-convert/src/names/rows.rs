//! The order of classes in deeplab2's class-indexed tensors, and in ours.

/// Which rows of a deeplab2 checkpoint become the rows of our tensors: row `i` is taken from `rows[i]`.
///
/// deeplab2 orders its class heads by things, then stuff, then void; its semantic head by the ids of the dataset's files, with
/// void at 0 where ids count from 1 (COCO, ADE20K) and no void at all elsewhere (Cityscapes). Ours has one order for both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRows {
    head: Vec<usize>,
    semantic: Vec<usize>,
}

impl ClassRows {
    /// For a dataset whose classes are things or not as `things` says, in the order of their ids. `things_first` keeps the
    /// order of deeplab2's heads; without it classes are in the order of their ids, as in the PyTorch port.
    pub fn new(things: &[bool], ids_count_from_one: bool, things_first: bool) -> Self {
        let of_sort = |thing: bool| (0..things.len()).filter(move |class| things[*class] == thing);
        let head_order: Vec<usize> = of_sort(true).chain(of_sort(false)).collect();
        let order = if things_first { head_order.clone() } else { (0..things.len()).collect() };
        let mut place = vec![0; things.len()];
        for (row, class) in head_order.into_iter().enumerate() {
            place[class] = row;
        }
        let first = usize::from(ids_count_from_one);
        let mut head: Vec<usize> = order.iter().map(|class| place[*class]).collect();
        head.push(things.len());
        let mut semantic: Vec<usize> = order.iter().map(|class| class + first).collect();
        semantic.extend(ids_count_from_one.then_some(0));
        Self { head, semantic }
    }

    /// The rows of our tensor `name`; `None` where its first axis does not stand for classes.
    pub fn of(&self, name: &str) -> Option<&[usize]> {
        let (module, leaf) = name.rsplit_once('.')?;
        if !matches!(leaf, "weight" | "bias") {
            return None;
        }
        match module {
            "semantic_head.last" => Some(&self.semantic),
            module if module.starts_with("decoder.") && module.ends_with("predictor.class") => {
                Some(&self.head)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_the_order_asked_for() {
        // Classes 1 and 3 are things.
        let things = [false, true, false, true];
        let pytorch = ClassRows::new(&things, true, false);
        assert_eq!(pytorch.of("decoder.predictor.class.weight"), Some(&[2, 0, 3, 1, 4][..]));
        assert_eq!(pytorch.of("decoder.layers.4.predictor.class.bias"), Some(&[2, 0, 3, 1, 4][..]));
        assert_eq!(pytorch.of("semantic_head.last.bias"), Some(&[1, 2, 3, 4, 0][..]));
        let own = ClassRows::new(&things, true, true);
        assert_eq!(own.of("decoder.predictor.class.weight"), Some(&[0, 1, 2, 3, 4][..]));
        assert_eq!(own.of("semantic_head.last.weight"), Some(&[2, 4, 1, 3, 0][..]));
        let zero = ClassRows::new(&things, false, true);
        assert_eq!(zero.of("semantic_head.last.weight"), Some(&[1, 3, 0, 2][..]));
        for name in ["decoder.predictor.mask.weight", "semantic_head.conv.weight", "decoder.queries", "class"]
        {
            assert_eq!(pytorch.of(name), None, "{name}");
        }
    }
}
