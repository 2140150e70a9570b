//! What was measured.

use kmax_datasets::evaluate::CityscapesReport;
use kmax_metrics::instance::InstanceReport;
use kmax_metrics::objects::ObjectReport;
use kmax_metrics::panoptic::PanopticReport;
use kmax_metrics::render::Page;
use serde::Serialize;

/// The levels that the dataset has.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Panoptic quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panoptic: Option<PanopticReport>,
    /// Objects by IoU, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectReport>,
    /// Mask AP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<InstanceReport>,
    /// What cityscapesScripts measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cityscapes: Option<CityscapesReport>,
}

impl Report {
    /// As the official scripts print it.
    pub fn table(&self) -> String {
        let cityscapes = self.cityscapes.as_ref();
        let tables = [
            self.panoptic.as_ref().map(|level| level.table()),
            self.objects.as_ref().map(|level| level.table()),
            self.instances.as_ref().map(|level| level.table()),
            cityscapes.and_then(|report| report.instance.as_ref()).map(|level| level.table()),
            cityscapes.and_then(|report| report.semantic.as_ref()).map(|level| level.table()),
            cityscapes.and_then(|report| report.panoptic.as_ref()).map(|level| level.table()),
        ];
        tables.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    /// A page for each level.
    pub fn pages(&self) -> Vec<Page> {
        let cityscapes = self.cityscapes.as_ref();
        let pages = [
            self.panoptic.as_ref().map(|level| level.page()),
            self.objects.as_ref().map(|level| level.page()),
            self.instances.as_ref().map(|level| level.page()),
            cityscapes.and_then(|report| report.instance.as_ref()).map(|level| level.page()),
            cityscapes.and_then(|report| report.semantic.as_ref()).map(|level| level.page()),
            cityscapes.and_then(|report| report.panoptic.as_ref()).map(|level| level.page()),
        ];
        pages.into_iter().flatten().collect()
    }

    /// Writes into every level which model it is of, and how that computed if not as usual.
    pub(crate) fn sign(&mut self, digest: &str, computed: Option<&str>) {
        let cityscapes = self.cityscapes.iter_mut().flat_map(|report| {
            [
                report.instance.as_mut().map(|level| &mut level.provenance),
                report.semantic.as_mut().map(|level| &mut level.provenance),
                report.panoptic.as_mut().map(|level| &mut level.provenance),
            ]
        });
        let panoptic = self.panoptic.as_mut().map(|level| &mut level.provenance);
        let instances = self.instances.as_mut().map(|level| &mut level.provenance);
        let objects = self.objects.as_mut().map(|level| &mut level.provenance);
        for provenance in cityscapes.chain([panoptic, instances, objects]).flatten() {
            provenance.model_digest = Some(digest.into());
            provenance.computed = computed.map(Into::into);
        }
    }
}
