//! The graph of a build as a picture: inputs above the steps that use them.

use std::collections::BTreeMap;

use super::class;
use crate::progress::report::chain::topological;
use crate::progress::report::model::Step;

/// The largest graph that is drawn, in steps.
const MOST: usize = 400;
/// The largest graph that is drawn, in edges.
const MOST_EDGES: usize = 4000;
const NODE_WIDTH: usize = 200;
const NODE_HEIGHT: usize = 38;
const ACROSS: usize = 220;
const DOWN: usize = 74;
const MARGIN: usize = 10;
/// Characters of a name that fit a node.
const NAME: usize = 26;

/// What is drawn, in pixels.
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

pub(super) struct Node {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) span: String,
    pub(super) class: String,
}

pub(super) struct Edge {
    pub(super) x1: usize,
    pub(super) y1: usize,
    pub(super) x2: usize,
    pub(super) y2: usize,
    pub(super) middle: usize,
    pub(super) on_path: bool,
}

impl Picture {
    /// Returns the picture of the steps that use others or are used; `None` where there are none, or too many to see
    /// anything.
    pub(super) fn of(steps: &[Step]) -> Option<Self> {
        let index: BTreeMap<&str, usize> =
            steps.iter().enumerate().map(|(index, step)| (step.digest.as_str(), index)).collect();
        let inputs: Vec<Vec<usize>> = steps
            .iter()
            .map(|step| step.inputs.iter().filter_map(|input| index.get(input.as_str()).copied()).collect())
            .collect();
        let mut is_drawn: Vec<bool> = inputs.iter().map(|inputs| !inputs.is_empty()).collect();
        for &input in inputs.iter().flatten() {
            is_drawn[input] = true;
        }
        let count = is_drawn.iter().filter(|drawn| **drawn).count();
        let edges: usize = inputs.iter().map(Vec::len).sum();
        if count == 0 || count > MOST || edges > MOST_EDGES {
            return None;
        }
        let ranks = ranks(&inputs);
        let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for step in (0..steps.len()).filter(|step| is_drawn[*step]) {
            rows.entry(ranks[step]).or_default().push(step);
        }
        let places = places(&rows, &inputs);
        let nodes = places.iter().map(|(&step, &(x, y))| node(&steps[step], x, y)).collect();
        let edges = places.iter().flat_map(|(&step, &(x, y))| {
            let places = &places;
            inputs[step].iter().filter_map(move |input| {
                let (from_x, from_y) = *places.get(input)?;
                let (y1, half) = (from_y + NODE_HEIGHT, NODE_WIDTH / 2);
                Some(Edge {
                    x1: from_x + half,
                    y1,
                    x2: x + half,
                    y2: y,
                    middle: y1.midpoint(y),
                    on_path: steps[step].on_critical_path
                        && steps[*input].on_critical_path
                        && steps[step].waited_for.as_deref() == Some(steps[*input].digest.as_str()),
                })
            })
        });
        let across = rows.values().map(Vec::len).max().unwrap_or(0);
        let down = rows.len();
        Some(Self { width: across * ACROSS + MARGIN, height: down * DOWN, edges: edges.collect(), nodes })
    }
}

/// How many steps come before each at most. Steps of a circle, which no build has, are put at the top.
fn ranks(inputs: &[Vec<usize>]) -> Vec<usize> {
    let mut ranks = vec![0; inputs.len()];
    for step in topological(inputs) {
        ranks[step] = inputs[step].iter().map(|&input| ranks[input] + 1).max().unwrap_or(0);
    }
    ranks
}

/// Puts the steps of each row below what they use, and leaves no row wider than it has steps.
fn places(rows: &BTreeMap<usize, Vec<usize>>, inputs: &[Vec<usize>]) -> BTreeMap<usize, (usize, usize)> {
    let mut places: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (row, steps) in rows.values().enumerate() {
        let mut steps = steps.clone();
        steps.sort_by_key(|step| {
            let above: Vec<usize> =
                inputs[*step].iter().filter_map(|input| Some(places.get(input)?.0)).collect();
            (above.iter().sum::<usize>().checked_div(above.len()).unwrap_or(usize::MAX), *step)
        });
        for (column, step) in steps.into_iter().enumerate() {
            places.insert(step, (MARGIN + column * ACROSS, MARGIN + row * DOWN));
        }
    }
    places
}

fn node(step: &Step, x: usize, y: usize) -> Node {
    let mut name: String = step.name.chars().take(NAME).collect();
    if name.len() < step.name.len() {
        name.push('…');
    }
    let span = if step.state == "cached" { "cached".to_owned() } else { format!("{:.2} s", step.seconds) };
    Node { x, y, number: step.number, name, span, class: class(step) }
}
