//! Draws the sweeps of `results.json`, one SVG for each: time, CPU, bytes and messages side by side, as far as they
//! were measured; a line for each series, such as stock and ours; both axes logarithmic.
//!
//!     zgossip-plot results.json FOLDER

use plotters::prelude::*;
use serde_json::Value;
use std::error::Error;
use std::ops::Range;
use std::path::Path;

/// For stock and ours; series with other names get theirs in the order of the names.
const COLORS: [RGBColor; 4] =
    [RGBColor(213, 94, 0), RGBColor(0, 114, 178), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
const SIZE: (u32, u32) = (1200, 330);

/// A column of a sweep's rows: its name there, what to write above the plot, and a factor.
const PANELS: [(&str, &str, f64); 4] = [
    ("seconds", "time until all hold all (ms)", 1e3),
    ("cpu", "CPU, whole process (ms)", 1e3),
    ("bytes", "bytes sent (kB)", 1e-3),
    ("frames", "messages sent", 1.0),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, results, folder] = &arguments[..] else {
        return Err("usage: zgossip-plot results.json FOLDER".into());
    };
    let results: Value = serde_json::from_str(&std::fs::read_to_string(results)?)?;
    for sweep in results["sweeps"].as_array().ok_or("no sweeps")? {
        let name = sweep["name"].as_str().ok_or("a sweep without a name")?;
        draw(sweep, &Path::new(folder).join(name).with_extension("svg"))?;
    }
    Ok(())
}

/// The points of one series in one column.
fn points(sweep: &Value, series: &str, column: &str, factor: f64) -> Vec<(f64, f64)> {
    let columns = sweep["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(place) = columns.iter().position(|name| name == column) else { return Vec::new() };
    let rows = sweep["series"][series].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter_map(|row| Some((row[0].as_f64()?, row[place].as_f64()? * factor))).collect()
}

/// From below the least to above the largest number, in whole powers of ten for y.
fn bounds(numbers: impl Iterator<Item = f64> + Clone, whole: bool) -> Range<f64> {
    let least = numbers.clone().fold(f64::INFINITY, f64::min).max(1e-3);
    let most = numbers.fold(0.0, f64::max).max(least);
    if whole {
        10f64.powf(least.log10().floor())..10f64.powf((most * 1.01).log10().ceil())
    } else {
        least * 0.8..most * 1.25
    }
}

fn label(number: &f64) -> String {
    match *number {
        n if n >= 1e6 => format!("{}M", n / 1e6),
        n if n >= 1e3 => format!("{}k", n / 1e3),
        n => format!("{n}"),
    }
}

fn draw(sweep: &Value, file: &Path) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let title = sweep["title"].as_str().unwrap_or_default();
    let root = root.titled(title, ("sans-serif", 18))?;
    let columns = sweep["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
    let panels: Vec<_> = PANELS.into_iter().filter(|(name, ..)| columns.iter().any(|c| c == name)).collect();
    let series = sweep["series"].as_object().ok_or("no series")?;
    let mut series: Vec<&str> = series.keys().map(String::as_str).collect();
    series.sort_unstable_by_key(|&name| (name != "stock", name));
    for (area, (column, caption, factor)) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        let named = series.iter().zip(COLORS.into_iter().cycle());
        let all: Vec<_> =
            named.map(|(&name, color)| (points(sweep, name, column, factor), color, name)).collect();
        let numbers = || all.iter().flat_map(|(points, ..)| points);
        if numbers().next().is_none() {
            continue;
        }
        let (x, y) = (bounds(numbers().map(|p| p.0), false), bounds(numbers().map(|p| p.1), true));
        let mut chart = ChartBuilder::on(area)
            .caption(caption, ("sans-serif", 14))
            .margin(8)
            .x_label_area_size(34)
            .y_label_area_size(46)
            .build_cartesian_2d(x.log_scale(), y.log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(sweep["axis"].as_str().unwrap_or_default())
            .x_labels(5)
            .y_labels(6)
            .x_label_formatter(&label)
            .y_label_formatter(&label)
            .draw()?;
        for (points, color, series) in all.into_iter().filter(|(points, ..)| !points.is_empty()) {
            chart.draw_series(points.iter().map(|&point| Circle::new(point, 3, color.filled())))?;
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(2)))?
                .label(series)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(TRANSPARENT)
            .draw()?;
    }
    root.present()?;
    Ok(())
}
