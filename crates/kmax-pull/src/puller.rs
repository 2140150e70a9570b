//! From a name to a place on disk.

use crate::error::{Error, Result};
use crate::event::Event;
use crate::settings::Settings;
use crate::target::Target;
use kmax_base::ErrorKind;
use kmax_base::beside::Beside;
use kmax_base::read::MAX_CHECKPOINT;
use kmax_base::write::folder_of;
use kmax_convert::{Conversion, WeightSet};
use kmax_hub::{self as hub, Address, CachedFile, Downloads, Hub, HubFile, HubRepo};
use kmax_model::config::CONFIG_FILE;
use kmax_model::folder::WEIGHTS_FILE;
use kmax_model::{Cache, Config, Encoder, Model, Place, Preset, Published, fetch_model};
use std::path::{Path, PathBuf};

/// The licence of what anybody may have put onto the Hub.
const SEE_CARD: &str = "see its card";

/// Fetches, converts and keeps models.
pub struct Puller {
    settings: Settings,
    hub: Hub,
    downloads: Downloads,
}

/// How a checkpoint on the Hub is to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The preset that it is of; without it the tensors tell.
    pub variant: Option<String>,
    /// Which weights, where it holds several sets.
    pub weights: WeightSet,
}

/// A model or encoder on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pulled {
    /// Its name in full.
    pub name: String,
    /// The model folder, or the file of an encoder.
    pub path: PathBuf,
    /// Whether it was there already.
    pub was_cached: bool,
}

impl Puller {
    /// With these settings. Nothing is asked yet.
    pub fn new(settings: Settings) -> Self {
        let downloads =
            Downloads::new(&settings.cache.downloads(), settings.mirror.as_deref(), settings.hub.offline);
        let downloads = downloads.pausing(settings.pause);
        Self { hub: Hub::new(settings.hub.clone()), downloads, settings }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The model or encoder of that name: see [`Target::named`]. What the cache has is taken; else it is fetched, converted, opened once
    /// to see that it is whole, and kept.
    ///
    /// # Errors
    /// If it is no such name, cannot be fetched, or is no checkpoint of the model that it should be.
    pub fn pull(&self, name: &str, options: &Options, events: &mut dyn FnMut(Event<'_>)) -> Result<Pulled> {
        let target = Target::named(name)?;
        if *options != Options::default() && !matches!(target, Target::File(_)) {
            let reason =
                "variant and weights are chosen for a checkpoint on the Hub, hf://owner/name/file, alone";
            return Err(Error::Name(format!("{name}: {reason}")));
        }
        match &target {
            Target::Published(preset) => self.published(preset, events),
            Target::Encoder(encoder) => self.encoder(encoder, events),
            Target::File(file) => self.file(file, options, events),
            Target::Repo(repo) => self.repo(repo, events),
        }
    }

    /// Removes what was fetched of a published model or encoder without being converted. Whether there was something.
    ///
    /// # Errors
    /// If it is no such name, or the download cannot be removed.
    pub fn forget_download(&self, name: &str) -> Result<bool> {
        match Target::named(name)? {
            Target::Published(variant) => self.forget(variant.release().place()),
            Target::Encoder(encoder) => self.forget(encoder.place),
            Target::Repo(_) | Target::File(_) => Ok(false),
        }
    }

    fn forget(&self, place: Place) -> Result<bool> {
        address(place).map_or(Ok(false), |address| Ok(self.downloads.remove(&address)?))
    }

    /// What `find` finds, or what `make` makes of it, while nobody else works on `key`.
    fn once(
        &self,
        name: &str,
        key: &str,
        find: impl Fn() -> Option<PathBuf>,
        events: &mut dyn FnMut(Event<'_>),
        make: impl FnOnce(&mut dyn FnMut(Event<'_>)) -> Result<PathBuf>,
    ) -> Result<Pulled> {
        let found = |path| Ok(Pulled { name: name.into(), path, was_cached: true });
        if let Some(path) = find() {
            return found(path);
        }
        let lock = self.settings.cache.downloads().join(format!("{key}.pull"));
        let waiting = || events(Event::Download(hub::Event::Waiting { file: key }));
        let _held = kmax_base::lock::wait(&lock, waiting).map_err(|e| Error::io(&lock, e))?;
        match find() {
            Some(path) => found(path),
            None => Ok(Pulled { name: name.into(), path: make(events)?, was_cached: false }),
        }
    }

    fn published(&self, variant: &Published, events: &mut dyn FnMut(Event<'_>)) -> Result<Pulled> {
        let (name, cache) = (Preset::Published(*variant).name(), &self.settings.cache);
        let (place, license) = (variant.release().place(), variant.release().license());
        let pulled = self.once(
            &name,
            &name,
            || cache.model(&name),
            events,
            |events| {
                let checkpoint = self.fetch(&Origin { name: &name, place, license }, events)?;
                let file = checkpoint.path();
                let source = Source { name: &name, file, variant: Some(&name), weights: &WeightSet::Model };
                let converted = self.convert(source, cache.place_of(&name), events);
                self.settle(&checkpoint, converted)
            },
        )?;
        self.tidied(pulled, place)
    }

    fn encoder(&self, encoder: &Encoder, events: &mut dyn FnMut(Event<'_>)) -> Result<Pulled> {
        let (&Encoder { name, place, license, .. }, cache) = (encoder, &self.settings.cache);
        let pulled = self.once(
            name,
            name,
            || cache.encoder(name),
            events,
            |events| {
                let checkpoint = self.fetch(&Origin { name, place, license }, events)?;
                events(Event::Converting { name });
                let path = cache.place_of_encoder(name);
                let converted = kmax_convert::encoder(checkpoint.path(), &path, &WeightSet::Model);
                let summary = self.settle(&checkpoint, converted.map_err(Error::from))?;
                events(Event::ConvertedEncoder(&summary));
                Ok(path)
            },
        )?;
        self.tidied(pulled, place)
    }

    /// A run that was killed behind the conversion left the checkpoint.
    fn tidied(&self, pulled: Pulled, place: Place) -> Result<Pulled> {
        if pulled.was_cached {
            self.forget(place)?;
        }
        Ok(pulled)
    }

    fn repo(&self, repo: &HubRepo, events: &mut dyn FnMut(Event<'_>)) -> Result<Pulled> {
        let (name, from) = (repo.to_string(), format!("{}/{}", self.settings.hub.endpoint, repo.id()));
        let mut told = Told::new(&name, &from, SEE_CARD);
        let path = fetch_model(&self.hub, repo, &mut |event| match event {
            // The small files before say nothing about the size.
            hub::Event::Started { file, .. } if file == WEIGHTS_FILE => told.tell(event, events),
            event => events(Event::Download(event)),
        })?;
        let was_cached = !told.done;
        // The weights are read by whoever opens it.
        Config::read(&path.join(CONFIG_FILE))?;
        Ok(Pulled { was_cached, name, path })
    }

    fn file(&self, file: &HubFile, options: &Options, events: &mut dyn FnMut(Event<'_>)) -> Result<Pulled> {
        let variant = match options.variant.as_deref().map(|name| (name, Preset::named(name))) {
            None => None,
            Some((_, Some(preset))) => Some(preset.name()),
            Some((name, None)) => return Err(Error::Name(format!("variant {name}: no such preset"))),
        };
        let name = file.to_string();
        let CachedFile { path: checkpoint, digest, .. } =
            self.fetch_from_hub(file, &name, SEE_CARD, events)?;
        let repo = file.repo();
        let set = Some(options.weights.to_string()).filter(|_| options.weights != WeightSet::Model);
        let chosen: Vec<_> = variant.iter().chain(&set).map(String::as_str).collect();
        let key = Cache::hub_name(repo.owner(), repo.name(), &digest, &chosen);
        let cache = &self.settings.cache;
        if chosen.is_empty() && cache.model(&key).is_none() {
            // What was chosen before is meant again, if it was one thing.
            let before = cache.converted(repo.owner(), repo.name(), &digest);
            if let [entry] = &before[..]
                && let Some(path) = cache.model(entry)
            {
                events(Event::Reused { name: &name, entry });
                return Ok(Pulled { name, path, was_cached: true });
            }
        }
        self.once(
            &name,
            &key,
            || cache.model(&key),
            events,
            |events| {
                let variant = variant.as_deref();
                let source = Source { name: &name, file: &checkpoint, variant, weights: &options.weights };
                self.convert(source, cache.place_of(&key), events)
            },
        )
    }

    /// Converts a checkpoint into a folder of the cache and opens what came of it.
    fn convert(&self, source: Source<'_>, to: PathBuf, events: &mut dyn FnMut(Event<'_>)) -> Result<PathBuf> {
        let Source { name, file: from, variant, weights } = source;
        events(Event::Converting { name });
        // Beside its place and renamed when it is known to be good.
        let parent = folder_of(&to);
        std::fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
        let beside = Beside::folder(&to).map_err(|e| Error::io(parent, e))?;
        let folder = beside.path().join("model");
        let summary = Conversion { from, to: &folder, variant, half: false, weights }.run()?;
        Model::open(&folder)?;
        if to.exists() {
            // Of an older, incomplete kind: whole ones are found before.
            std::fs::remove_dir_all(&to).map_err(|e| Error::io(&to, e))?;
        }
        std::fs::rename(&folder, &to).map_err(|e| Error::io(&to, e))?;
        events(Event::Converted(&summary));
        Ok(to)
    }

    /// The checkpoint of a published model or encoder.
    fn fetch(&self, origin: &Origin<'_>, events: &mut dyn FnMut(Event<'_>)) -> Result<Checkpoint> {
        if let Place::Hub { repo, file } = origin.place {
            let file: HubFile = format!("{repo}/{file}").parse()?;
            let cached = self.fetch_from_hub(&file, origin.name, origin.license, events)?;
            return Ok(Checkpoint::OnHub(cached.path));
        }
        let unknown = || Error::Name(format!("{}: no way to fetch from {:?}", origin.name, origin.place));
        let address = address(origin.place).ok_or_else(unknown)?;
        if self.settings.hub.offline {
            let cache = self.settings.cache.folder().into();
            return Err(Error::Offline { name: origin.name.into(), cache });
        }
        let url = origin.place.url();
        let from = match &self.settings.mirror {
            Some(mirror) => format!("{url} by way of {mirror}"),
            None => url,
        };
        let mut told = Told::new(origin.name, &from, origin.license);
        let got = self.downloads.fetch(&address, MAX_CHECKPOINT, &mut |event| told.tell(event, events))?;
        if got.checksum.is_none() {
            events(Event::Unverified { name: origin.name });
        }
        Ok(Checkpoint::Download(got.file, address))
    }

    fn fetch_from_hub(
        &self,
        file: &HubFile,
        name: &str,
        license: &str,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<CachedFile> {
        let from = format!("{}/{}", self.settings.hub.endpoint, file.repo().id());
        let mut told = Told::new(name, &from, license);
        Ok(self.hub.file(file, MAX_CHECKPOINT, &mut |event| told.tell(event, events))?)
    }

    /// A converted download has done its work. One that is no such checkpoint is of no use either: the next run asks the server again.
    /// What lies in the Hub's cache is Python's as well, and stays.
    fn settle<T>(&self, checkpoint: &Checkpoint, converted: Result<T>) -> Result<T> {
        let Checkpoint::Download(_, address) = checkpoint else { return converted };
        match converted {
            Ok(converted) => self.downloads.remove(address).map(|_| converted).map_err(Error::from),
            Err(error) if is_of_content(error.kind()) => {
                self.downloads.remove(address)?;
                Err(Error::Unusable { url: address.to_string(), source: Box::new(error) })
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether a file's content is at fault, and not this machine.
fn is_of_content(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Damaged
            | ErrorKind::Unsupported
            | ErrorKind::Incompatible
            | ErrorKind::InvalidArgument
            | ErrorKind::Diverged
    )
}

/// Where a file outside the Hub is.
fn address(place: Place) -> Option<Address> {
    match place {
        Place::Direct(url) => Some(Address::Url(url.into())),
        Place::Drive { id } => Some(Address::GoogleDrive(id.into())),
        _ => None,
    }
}

/// Where a published file comes from.
struct Origin<'a> {
    name: &'a str,
    place: Place,
    license: &'a str,
}

/// A checkpoint to convert.
struct Source<'a> {
    name: &'a str,
    file: &'a Path,
    variant: Option<&'a str>,
    weights: &'a WeightSet,
}

/// A checkpoint on disk.
enum Checkpoint {
    /// Ours, to be removed when it is converted.
    Download(PathBuf, Address),
    /// In the cache of the Hub.
    OnHub(PathBuf),
}

impl Checkpoint {
    fn path(&self) -> &Path {
        match self {
            Self::Download(path, _) | Self::OnHub(path) => path,
        }
    }
}

/// Announces a download once.
struct Told<'a> {
    name: &'a str,
    from: &'a str,
    license: &'a str,
    done: bool,
}

impl<'a> Told<'a> {
    fn new(name: &'a str, from: &'a str, license: &'a str) -> Self {
        Self { name, from, license, done: false }
    }

    fn tell(&mut self, event: hub::Event<'_>, events: &mut dyn FnMut(Event<'_>)) {
        let Self { name, from, license, .. } = *self;
        if let hub::Event::Started { size: bytes, .. } = event
            && !std::mem::replace(&mut self.done, true)
        {
            events(Event::Fetching { name, from, bytes, license });
        }
        events(Event::Download(event));
    }
}
